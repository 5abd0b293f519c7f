"""Decides whether progress bars are shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH = "TQDM_DISABLE"
"""tqdm's own switch, which the libraries' bars follow too where it is set before they come."""


def shows_progress() -> bool:
    """Return true on a terminal, unless tqdm's own switch TQDM_DISABLE is set."""
    return sys.stderr.isatty() and not os.environ.get(SWITCH)


@contextmanager
def without_progress() -> Iterator[None]:
    """Show no bars within the block; afterwards the switch is as it was."""
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before
