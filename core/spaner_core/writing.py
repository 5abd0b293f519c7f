"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spaner_core.leftovers import left_beside

KIND = "partial"


@contextmanager
def written_at_end(path: Path) -> Iterator[Path]:
    """Give a new file's path that becomes `path` by renaming, or vanishes on error.

    What was written is on the disk before it takes its name, so that a power cut leaves no empty
    file under it. What killed processes left of the same file goes. An `OSError` names `path`.
    """
    partial = partial_path(path)
    with _named(path, instead_of=partial):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(path)
        try:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def partial_path(path: Path) -> Path:
    """Return where this process writes what becomes `path` at the end."""
    return path.with_name(f".{path.name}.{KIND}-{os.getpid()}")


def remove_partials(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder where nobody writes now."""
    for path in folder.glob(f".*.{KIND}-*"):
        path.unlink(missing_ok=True)


def _remove_left(path: Path) -> None:
    for left in left_beside(path, KIND):
        if left.is_dead:
            with suppress(OSError):  # a folder, or not ours to remove: it is in nobody's way
                left.path.unlink()


@contextmanager
def _named(path: Path, *, instead_of: Path) -> Iterator[None]:
    """Let errors of the system name the file that the user knows; those about others stay."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(instead_of)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
