"""Shows progress, and says where the time went."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

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


REST = "everything else"


class Profile:
    """Seconds by part; what is spent in a part within a part counts for the inner one alone."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._open = [REST]
        self._since = perf_counter()

    def parts(self) -> dict[str, float]:
        """Return seconds by part, those outside of any part last."""
        self._book()
        rest = self._seconds.pop(REST)
        self._seconds[REST] = rest
        return dict(self._seconds)

    def enter(self, part: str) -> None:
        """Begin a part."""
        self._book()
        self._open.append(part)

    def leave(self) -> None:
        """End the part that was begun last."""
        self._book()
        self._open.pop()

    def _book(self) -> None:
        now = perf_counter()
        self._seconds[self._open[-1]] += now - self._since
        self._since = now


_active: ContextVar[Profile | None] = ContextVar("active profile", default=None)


@contextmanager
def profiled() -> Iterator[Profile]:
    """Book what is `spent` inside the block."""
    profile = Profile()
    token = _active.set(profile)
    try:
        yield profile
    finally:
        _active.reset(token)


@contextmanager
def spent(part: str) -> Iterator[None]:
    """Book the block's time as that part's, where anybody asked for a profile."""
    profile = _active.get()
    if profile is None:
        yield
        return
    profile.enter(part)
    try:
        yield
    finally:
        profile.leave()


def describe_seconds(seconds: float) -> str:
    """Say roughly how long something takes, as people would."""
    if seconds < 90:
        return f"about {max(round(seconds), 1)} s"
    return f"about {round(seconds / 60)} min"
