"""Folders that are written whole or not at all."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from spaner_core.errors import SpaceError


@contextmanager
def placed_at_end(target: Path, *, beside: Path | None = None) -> Iterator[Path]:
    """Give a new folder's path that becomes `target` by renaming, or vanishes on error.

    It is made next to `beside`, by default `target`. Raises `FileExistsError` where `target` has
    come to exist meanwhile, and leaves that as it is.
    """
    target, home = target.resolve(), (beside or target).resolve()
    home.parent.mkdir(parents=True, exist_ok=True)
    _sweep(home)
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

    That is set aside until the new folder stands in its place; a process killed between the two
    renames leaves it there, and `check_is_space` says so.
    """
    aside = _set_aside(target.resolve(), (beside or target).resolve())
    replaces = False
    try:
        with placed_at_end(target, beside=beside) as new:
            yield new
            replaces = target.exists()
            if replaces:
                shutil.rmtree(aside, ignore_errors=True)
                target.resolve().rename(aside)
    except BaseException:
        if replaces and not target.exists():
            aside.rename(target.resolve())
        raise
    if replaces:
        shutil.rmtree(aside, ignore_errors=True)


def _sweep(home: Path) -> None:
    """Remove what killed processes left; a living process of the same number is our own."""
    for left in home.parent.glob(f".{glob.escape(home.name)}.partial-*"):
        owner = left.name.rpartition("partial-")[2].partition("-")[0]
        if owner.isdigit() and (int(owner) == os.getpid() or not psutil.pid_exists(int(owner))):
            shutil.rmtree(left, ignore_errors=True)


def _set_aside(target: Path, home: Path) -> Path:
    """Name the place beside `home` where what `target` held waits while it is replaced."""
    inner = "".join(f"-{part}" for part in target.relative_to(home).parts)
    return home.with_name(f".{home.name}.replaced{inner}")


def check_is_space(folder: Path) -> None:
    """Raise `SpaceError` unless `folder` holds a space, saying where an interrupted one is."""
    home = folder.resolve()
    for target, aside in _waiting(home):
        if not target.exists():
            raise SpaceError(
                f"{target} was being replaced when the process was stopped; what it held is in "
                f"{aside}: rename it back, or train again"
            )
    if not (folder / "prompt").is_dir():
        raise SpaceError(
            f"{folder} is no space: it has no prompt/; give the folder that `spaner train` wrote"
        )


def _waiting(home: Path) -> Iterator[tuple[Path, Path]]:
    """Yield what was set aside and not cleared away: the whole space, or one of its aligners."""
    whole = _set_aside(home, home)
    if whole.is_dir():
        yield home, whole
    one = _set_aside(home / "aligners", home).name + "-"
    for aside in sorted(home.parent.glob(glob.escape(one) + "*")):
        yield home / "aligners" / aside.name.removeprefix(one), aside
