"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial-"


@contextmanager
def written_at_end(path: Path) -> Iterator[Path]:
    """Give a new file's path that becomes `path` by renaming, or vanishes on error.

    What was written is on the disk before it takes its name, so that a power cut leaves no empty
    file under it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}{PARTIAL}{os.getpid()}")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def remove_partials(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder where nobody writes now."""
    for path in folder.glob(f".*{PARTIAL}*"):
        path.unlink(missing_ok=True)
