"""Whether progress bars are shown."""

from __future__ import annotations

import os
import sys


def shows_progress() -> bool:
    """Return true on a terminal, unless tqdm's own switch TQDM_DISABLE is set."""
    return sys.stderr.isatty() and not os.environ.get("TQDM_DISABLE")
