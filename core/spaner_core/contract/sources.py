"""Opens and names an input, be it a file or an upload."""

from __future__ import annotations

import errno
import io
import stat
from pathlib import Path
from typing import BinaryIO

from spaner_core.contract.transform import Content, Given, Source, TakenSample
from spaner_core.errors import UnusableInput

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP)


def open_source(source: Source) -> BinaryIO:
    """Open a file, or the bytes of an upload, which is on no disk; a `str` is a path here.

    Raises `UnusableInput` where a path leads to no ordinary file, `OSError` where it cannot be
    opened.
    """
    if isinstance(source, Content):
        return io.BytesIO(source.data)  # shares the bytes
    path = Path(source)
    check_ordinary(path)
    return path.open("rb")


def suffix_of(source: Source) -> str:
    """Return an input's suffix in lower case, with the dot; empty where it has none."""
    return (source.suffix if isinstance(source, Content) else Path(source).suffix).lower()


def check_ordinary(source: Given) -> None:
    """Raise `UnusableInput` unless a path leads to an ordinary file, or to a part of one.

    Reading a folder, a pipe or a device may never end. Other sources are inputs themselves.
    """
    if not isinstance(source, Path):
        return
    try:
        mode = _mode(source)
        if mode is None and (file := without_part(source)) is not source:
            mode = _mode(file)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            wrong = f"no file can have this name ({error.strerror})"
        else:  # a folder on the way there is barred
            wrong = f"{error.strerror}; expected a file that can be read"
        raise UnusableInput(f"{wrong}; correct the path, or give rights") from error
    if mode is None:
        raise UnusableInput("there is no such file; restore it, or correct the path")
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise UnusableInput(f"it is {kind}; expected a file; correct the path")


def _mode(path: Path) -> int | None:
    """Look once at what a path leads to; None for nothing, and for names that nothing can have."""
    try:
        return path.stat().st_mode
    except ValueError:  # a NUL
        return None
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise


def describe_source(source: Given) -> str:
    """Name an input in a message: a path or an upload's name as it is, a text shortened, quoted."""
    if isinstance(source, Content | TakenSample):
        return source.name
    if isinstance(source, Path):
        return str(source)
    return repr(source if len(source) <= 60 else source[:57] + "...")


def without_part(source: Path) -> Path:
    """Return a path without what stands behind a `#`, whether or not there is such a file."""
    name, _, part = source.name.rpartition("#")
    return source.with_name(name) if name and part else source
