"""Keeps what C libraries print away from the user's terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STDERR = 2  # the descriptor that C libraries write to, whatever sys.stderr is

_lock = threading.Lock()
_within = 0
_kept: int | None = None


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Send standard error nowhere while a decoder written in C runs.

    Wrap single calls of the library only: what Python prints meanwhile, warnings and log records
    included, is lost as well. Threads may be within it at the same time.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _within, _kept
    with _lock:
        _within += 1
        if _within > 1:
            return
        with suppress(AttributeError, OSError, ValueError):  # there is none, or it was closed
            sys.stderr.flush()
        with suppress(OSError):
            _kept = os.dup(_STDERR)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, _STDERR)
            os.close(nowhere)


def _leave() -> None:
    global _within, _kept
    with _lock:
        _within -= 1
        if _within or _kept is None:
            return
        os.dup2(_kept, _STDERR)
        os.close(_kept)
        _kept = None
