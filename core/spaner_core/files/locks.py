"""Locks files and folders, for one process or thread at a time.

A lock ends with the process that holds it, however that ends; no process number is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]

# neither a link nor a pipe is what it was taken for, and a pipe would have to be waited for
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@contextmanager
def locked(path: Path, *, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
    """Hold the lock on what lies at `path` until the block ends; give whether it is held.

    Where another holds it, `waiting` is called and then waited; without it nobody waits. The lock
    is not held either where the file system knows none, or where nothing is at `path` any more.
    """
    descriptor = _open(path)
    try:
        yield descriptor is not None and _lock(descriptor, waiting) and _lies_at(path, descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)  # which gives the lock back


def _open(path: Path) -> int | None:
    if fcntl is None:
        return None
    try:
        return os.open(path, _FLAGS)
    except OSError:
        return None


def _lock(descriptor: int, waiting: Callable[[], None] | None) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if waiting is None:
            return False
        waiting()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:  # no locks on this file system
        return False
    return True


def _lies_at(path: Path, descriptor: int) -> bool:
    """Tell whether what was locked still has its name: it may have been removed or replaced."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False
