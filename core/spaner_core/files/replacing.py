"""Writes folders whole or not at all, one process at a time.

Everything half-made lies beside its place, and is made, renamed and removed by whoever holds the
lock on the folder around. So what a writer finds there when it holds the lock is of a writer that
was killed. Readers remove nothing.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spaner_core.errors import SpaceError
from spaner_core.files.atomic import (
    ASIDE,
    PARTIAL,
    flush,
    hidden_path,
    left_beside,
    naming,
    real_path,
    remove_left_file,
)
from spaner_core.files.locks import locked

_log = logging.getLogger(__name__)
_held = threading.local()


@contextmanager
def placed_at_end(target: Path, *, beside: Path | None = None) -> Iterator[Path]:
    """Give a new folder's path that becomes `target` by renaming, or vanishes on error.

    It is made next to `beside`, by default `target`, while no other process writes there. Raises
    `FileExistsError` where `target` has come to exist meanwhile, and leaves that as it is. An
    `OSError` about the new folder names `target`.
    """
    with _made_beside(target, beside or target) as new:
        yield new
        _flush_all(new)
        if _is_filled(target):
            raise FileExistsError(f"{target} exists")
        _place(new, target)


@contextmanager
def replaced_at_end(target: Path, *, beside: Path | None = None) -> Iterator[Path]:
    """Do as `placed_at_end`, but let the new folder take the place of what `target` holds.

    That is set aside until the new folder stands in its place. Where a process is killed between
    the two renames, the next one that opens or writes it puts it back.
    """
    with _made_beside(target, beside or target) as new:
        yield new
        _flush_all(new)
        if not target.exists():
            _place(new, target)
            return
        old = real_path(target)
        aside = _set_aside(old, real_path(beside or target))
        try:
            old.rename(aside)
            _place(new, old)  # `target` may lead through the working folder, which moved aside
        except BaseException:  # an interrupt may come when both are done
            if aside.exists() and not old.exists():
                aside.rename(old)
            raise
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def writing_alone(home: Path) -> Iterator[bool]:
    """Keep other processes and threads from writing below `home` until the block ends; they wait.

    The lock is on the folder around `home` and leaves no file behind. Gives whether it is held:
    where the file system knows no locks the block runs without one. One thread may take it again.
    """
    parent = real_path(home).parent
    parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(parent, waiting=lambda: _say_waiting(parent)) as alone:
        yield alone


@contextmanager
def reading_alone(home: Path) -> Iterator[bool]:
    """Do as `writing_alone` for whoever reads what is replaced at this moment; make nothing."""
    with _alone_in(real_path(home).parent, waiting=lambda: None) as alone:
        yield alone


def find_set_aside(home: Path) -> dict[Path, Path]:
    """Map places at or below `home` that are empty to what lay there before it was set aside.

    Between the two renames of a replacement that is so for a moment; longer, its process is dead.
    """
    home = real_path(home)
    return {
        place: left.path
        for left in left_beside(home, ASIDE)
        if not _is_filled(place := _place_of(left.inner, home)) and place.parent.is_dir()
    }


def say_set_aside(place: Path, copy: Path) -> str:
    """Say where what lay at `place` is, for whom it cannot be put back."""
    return (
        f"{place} was being replaced when that was interrupted, and cannot be put back from here; "
        f"it is whole in {copy}: rename that to {place}"
    )


def check_is_space(folder: Path) -> None:
    """Raise `SpaceError` unless `folder` holds a space.

    What a killed process had set aside is put back first, if nobody else writes and `folder` is
    more than to be read. Nothing is removed.
    """
    if (folder / "prompt").is_dir() and not find_set_aside(folder):
        return
    with reading_alone(folder) as alone:
        if alone:
            with suppress(OSError):  # it may only be read
                _put_back(folder)
        set_aside = find_set_aside(folder)
        is_there = (folder / "prompt").is_dir()
    if is_there:
        return
    if (copy := set_aside.get(real_path(folder))) is not None:
        raise SpaceError(say_set_aside(folder, copy))
    raise SpaceError(
        f"{folder} is no space: it has no prompt/; give the folder that `spaner train` wrote"
    )


@contextmanager
def _alone_in(folder: Path, *, waiting: Callable[[], None]) -> Iterator[bool]:
    held: dict[Path, bool] = vars(_held).setdefault("by_folder", {})
    if folder in held:  # by this thread, which would wait for itself
        yield held[folder]
        return
    with locked(folder, waiting=waiting) as alone:
        held[folder] = alone
        try:
            yield alone
        finally:
            del held[folder]


@contextmanager
def _made_beside(target: Path, home: Path) -> Iterator[Path]:
    home = real_path(home)
    with naming(target, home=home), writing_alone(home) as alone:
        if alone:
            _settle(home)
        folder = hidden_path(home, PARTIAL)
        folder.mkdir(mode=0o700)
        try:
            yield folder / real_path(target).name
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _flush_all(new: Path) -> None:
    """Bring a new folder's files to the disk: when it has its name, the old one goes."""
    for path in new.rglob("*"):
        if path.is_file() and not path.is_symlink():
            flush(path)


def _place(new: Path, target: Path) -> None:
    place = real_path(target)
    place.parent.mkdir(parents=True, exist_ok=True)
    new.rename(place)


def _settle(home: Path) -> None:
    """Bring to an end what killed processes began at `home`, nothing of it lost or half there."""
    for left in left_beside(home, PARTIAL):
        if left.path.is_dir() and not left.path.is_symlink():
            shutil.rmtree(left.path, ignore_errors=True)
        else:
            remove_left_file(left.path)
    _put_back(home)
    for aside in left_beside(home, ASIDE):
        if _is_filled(_place_of(aside.inner, home)):
            shutil.rmtree(aside.path, ignore_errors=True)


def _put_back(home: Path) -> None:
    for place, aside in find_set_aside(home).items():
        aside.rename(place)


def _is_filled(place: Path) -> bool:
    return os.path.lexists(place) and not (place.is_dir() and not any(place.iterdir()))


def _set_aside(target: Path, home: Path) -> Path:
    """Name the place beside `home` where what `target` held waits while it is replaced."""
    return hidden_path(home, ASIDE, inner="-".join(target.relative_to(home).parts))


def _place_of(inner: str, home: Path) -> Path:
    """Return the place whose content `_set_aside` has named so."""
    return home.joinpath(*inner.split("-", 1)) if inner else home


def _say_waiting(folder: Path) -> None:
    _log.warning("waiting for another process that writes in %s", folder)
