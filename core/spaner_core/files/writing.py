"""Writes files whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spaner_core.files.leftovers import (
    PARTIAL,
    begun_file,
    hidden_prefix,
    left_beside,
    remove_left_file,
)


@contextmanager
def written_at_end(path: Path) -> Iterator[Path]:
    """Give a new file's path that becomes `path` by renaming, or vanishes on error.

    What was written is on the disk before it takes its name, so that a power cut leaves no empty
    file under it. What killed processes left of the same file goes. An `OSError` names `path`.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in left_beside(path, PARTIAL):
            if not left.inner:
                remove_left_file(left.path)
        with begun_file(path) as partial:
            yield partial
            flush(partial)
            partial.replace(path)


def real_path(path: Path) -> Path:
    """Return a path without links and dots; using what lies in a circle of links is an `OSError`.

    `Path.resolve` raises an error of its own there.
    """
    return Path(os.path.realpath(path))


def flush(path: Path) -> None:
    """Bring what was written to a file to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def naming(path: Path, *, home: Path | None = None) -> Iterator[None]:
    """Let errors of the system name the file or folder that the user knows.

    These are errors without a name, and those about what is half-made beside `home`, by default
    `path`. Errors about other files stay as they are.
    """
    home = home or path
    hidden = str(home.with_name(hidden_prefix(home, PARTIAL)))
    try:
        yield
    except OSError as error:
        foreign = error.filename is not None and not str(error.filename).startswith(hidden)
        if error.errno is None or foreign:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
