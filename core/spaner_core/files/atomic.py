"""Writes files whole or not at all; removes what killed processes left.

What is half-made is called `.NAME.KIND-TOKEN`, and behind another hyphen what its maker added.
Whoever makes one holds a lock while it is there: on the file itself, or for a folder on the folder
around it. So what can be locked is left over, whoever has made it, wherever that ran.
"""

from __future__ import annotations

import glob
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from spaner_core.files.locks import locked

PARTIAL, ASIDE = "partial", "replaced"
"""Kinds: what is not finished, and what waits to be removed when its successor is in place."""

_TOKEN = re.compile(r"([0-9a-f]{16}|\d{1,9})(?:-(.*))?", re.DOTALL)
"""A number in their place is that of a process, which earlier versions gave."""


class Left(NamedTuple):
    """A file or folder beside its place, and what its name says behind the token."""

    path: Path
    inner: str


def hidden_path(home: Path, kind: str, *, inner: str = "") -> Path:
    """Return a new path beside `home` that nothing else has."""
    return home.with_name(
        f"{hidden_prefix(home, kind)}{secrets.token_hex(8)}{inner and '-'}{inner}"
    )


def hidden_prefix(home: Path, kind: str) -> str:
    """Return how the names of everything of a kind beside `home` begin."""
    return f".{home.name}.{kind}-"


def left_beside(home: Path, kind: str) -> list[Left]:
    """Find what processes, dead or at work, have beside `home`, in order of name."""
    prefix = hidden_prefix(home, kind)
    found = []
    for path in sorted(home.parent.glob(glob.escape(prefix) + "*")):
        if token := _TOKEN.fullmatch(path.name.removeprefix(prefix)):
            found.append(Left(path, token[2] or ""))
    return found


@contextmanager
def begun_file(home: Path) -> Iterator[Path]:
    """Make an empty file beside `home`, and keep others from taking it for left over.

    It is removed when the block ends, unless it has another name by then.
    """
    while True:
        path = hidden_path(home, PARTIAL)
        path.touch(exist_ok=False)
        try:
            with locked(path, waiting=lambda: None):
                if path.exists():  # nobody took it for left over before it was locked
                    yield path
                    return
        finally:
            path.unlink(missing_ok=True)


def remove_left_files(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Remove what killed processes left of files in `folder` whose names are ours."""
    for path in folder.glob(f".*.{PARTIAL}-*"):
        name, _, token = path.name[1:].rpartition(f".{PARTIAL}-")
        match = _TOKEN.fullmatch(token)
        if is_ours(name) and match and not match[2]:
            remove_left_file(path)


def remove_left_file(path: Path) -> None:
    """Remove a begun file where nobody is at work on it; anything else stays."""
    if path.is_symlink() or not path.is_file():
        return
    with locked(path) as is_left, suppress(OSError):  # not ours to remove: in nobody's way
        if is_left:
            path.unlink()


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
