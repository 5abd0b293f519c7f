"""Folders that are written whole or not at all, one process at a time."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spaner_core.errors import SpaceError
from spaner_core.leftovers import left_beside

try:
    import fcntl
except ImportError:  # Windows has none: there, two writers at once are not kept apart
    fcntl = None  # type: ignore[assignment]


_log = logging.getLogger(__name__)


@contextmanager
def placed_at_end(target: Path, *, beside: Path | None = None) -> Iterator[Path]:
    """Give a new folder's path that becomes `target` by renaming, or vanishes on error.

    It is made next to `beside`, by default `target`. Raises `FileExistsError` where `target` has
    come to exist meanwhile, and leaves that as it is.
    """
    target, home = target.resolve(), (beside or target).resolve()
    home.parent.mkdir(parents=True, exist_ok=True)
    settle(home)
    prefix = f".{home.name}.partial-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=home.parent) as folder:
        new = Path(folder) / target.name
        yield new
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir() and any(target.iterdir()):
            raise FileExistsError(f"{target} exists")
        new.rename(target)


@contextmanager
def replaced_at_end(target: Path, *, beside: Path | None = None) -> Iterator[Path]:
    """Do as `placed_at_end`, but let the new folder take the place of what `target` holds.

    That is set aside until the new folder stands in its place; where a process is killed between
    the two renames, `settle` puts it back.
    """
    aside = _set_aside(target.resolve(), (beside or target).resolve())
    replaces = False
    try:
        with placed_at_end(target, beside=beside) as new:
            yield new
            replaces = target.exists()
            if replaces:
                target.resolve().rename(aside)
    except BaseException:
        if replaces and not target.exists():
            aside.rename(target.resolve())
        raise
    if replaces:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def writing_alone(home: Path) -> Iterator[None]:
    """Keep other processes from writing below `home` until the block ends; they wait.

    The lock is on the folder around `home` and leaves no file behind. Where the file system knows
    no locks the block runs without one.
    """
    parent = home.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(parent, os.O_RDONLY) if fcntl is not None else None
    try:
        if descriptor is not None:
            with suppress(OSError):
                _lock(descriptor, parent)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)  # which gives the lock back


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _log.warning("waiting for another process that writes in %s", folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def settle(home: Path) -> None:
    """Bring to an end what killed processes began at `home`: nothing of it is lost or half there.

    What they had set aside goes back to its place, unless that was filled meanwhile; what they had
    not finished goes.
    """
    home = home.resolve()
    for left in left_beside(home, "partial"):
        if left.is_dead:
            shutil.rmtree(left.path, ignore_errors=True)
    for aside in left_beside(home, "replaced"):
        if not aside.is_dead:
            continue
        target = home.joinpath(*aside.inner.split("-", 1)) if aside.inner else home
        if target.exists():
            shutil.rmtree(aside.path, ignore_errors=True)
        elif target.parent.is_dir():
            aside.path.rename(target)


def check_is_space(folder: Path) -> None:
    """Raise `SpaceError` unless `folder` holds a space, after settling what was interrupted."""
    with suppress(OSError):  # a folder that may only be read is read as it is
        settle(folder)
    if not (folder / "prompt").is_dir():
        raise SpaceError(
            f"{folder} is no space: it has no prompt/; give the folder that `spaner train` wrote"
        )


def _set_aside(target: Path, home: Path) -> Path:
    """Name the place beside `home` where what `target` held waits while it is replaced."""
    inner = "".join(f"-{part}" for part in target.relative_to(home).parts)
    return home.with_name(f".{home.name}.replaced-{os.getpid()}{inner}")
