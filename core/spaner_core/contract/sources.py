"""Opens and names an input, be it a file or an upload."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import BinaryIO

from spaner_core.contract.transform import Content, Given, Source, TakenSample
from spaner_core.errors import UnusableInput


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
        file = source if source.exists() else without_part(source)
        ordinary, found = file.is_file(), file.exists()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, ValueError) or error.errno == errno.ENAMETOOLONG:
            wrong = f"no file can have this name ({reason})"
        else:  # a folder on the way there is barred
            wrong = f"{reason}; expected a file that can be read"
        raise UnusableInput(f"{wrong}; correct the path, or give rights") from error
    if not found:
        raise UnusableInput("there is no such file; restore it, or correct the path")
    if not ordinary:
        kind = "a folder" if file.is_dir() else "a pipe or a device"
        raise UnusableInput(f"it is {kind}; expected a file; correct the path")


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
