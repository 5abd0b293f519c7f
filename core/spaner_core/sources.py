"""Opens an input for reading, whether it is a file or an upload."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from spaner_core.features.inputs import check_ordinary
from spaner_core.transform import Content, Source


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
