"""Opens ordinary files and nothing else, so that every read ends.

A pipe, a socket or a device may stand wherever a name is looked up; a link may lead to one. What
was opened is looked at, not what bore the name a moment before.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from io import BufferedReader, FileIO
from pathlib import Path

LARGEST = 2**26
"""Bytes of the largest record, receipt or table of labels that is read: 64 MiB."""

LARGEST_LIST = 2**30
"""Bytes of the largest list that a feature store or a search keeps: millions of entries."""


class UnfitFile(OSError):  # noqa: N818  (as FileNotFoundError's kin, whom callers treat alike)
    """A file that is no ordinary one, or larger than what is expected in its place."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def open_ordinary(path: Path) -> BufferedReader:
    """Open an ordinary file, or one that a link leads to, for reading bytes.

    Raises `OSError`: `UnfitFile` for a pipe, a socket or a device, without waiting for it,
    `IsADirectoryError` for a folder.
    """
    return BufferedReader(open_unbuffered(path))


def open_unbuffered(path: Path) -> FileIO:
    """Open as `open_ordinary` does what is read in large pieces, or here and there."""
    file = FileIO(path, opener=_open_without_waiting)
    mode = os.fstat(file.fileno()).st_mode
    if stat.S_ISREG(mode):
        return file
    file.close()
    kind = "a pipe" if stat.S_ISFIFO(mode) else "a device"
    raise UnfitFile(errno.EINVAL, f"it is {kind}, not an ordinary file", str(path))


def read_small(path: Path, *, largest: int = LARGEST) -> bytes:
    """Read a whole ordinary file of at most `largest` bytes.

    Raises `OSError` as `open_ordinary` does, and `UnfitFile` for a larger one.
    """
    with open_ordinary(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(min(size, largest) + 1)
        if len(content) > size:  # it grows, or its file system makes it up as it is read
            content += file.read(max(0, largest + 1 - len(content)))
        if max(size, len(content)) > largest:
            raise UnfitFile(
                errno.EFBIG, f"it is larger than {largest} bytes, the most that is read", str(path)
            )
        return content


def copy_ordinary(source: str, target: str) -> None:
    """Copy a file as `shutil.copy2` does. Raises `OSError` as `open_ordinary` does."""
    with open_ordinary(Path(source)) as file, Path(target).open("wb") as copy:
        shutil.copyfileobj(file, copy)
    shutil.copystat(source, target)


def _open_without_waiting(path: str, flags: int) -> int:
    # Windows has neither flag, nor pipes among its files
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
