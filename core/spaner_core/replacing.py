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
def replaced_at_end(target: Path, *, beside: Path | None = None) -> Iterator[Path]:
    """Give a new folder's path that becomes `target` by renaming, or vanishes on error.

    It is made next to `beside`, by default `target`. What `target` held is set aside until the
    new folder stands in its place; a process killed between the two renames leaves it there, and
    `check_is_space` says so.
    """
    target, home = target.resolve(), (beside or target).resolve()
    home.parent.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    prefix = f".{home.name}.partial-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=home.parent) as folder:
        new = Path(folder) / target.name
        yield new
        target.parent.mkdir(parents=True, exist_ok=True)
        replaces = target.exists()
        if replaces:
            shutil.rmtree(_set_aside(target), ignore_errors=True)
            target.rename(_set_aside(target))
        try:
            new.rename(target)
        except OSError:
            if replaces:
                _set_aside(target).rename(target)
            raise
    if replaces:
        shutil.rmtree(_set_aside(target), ignore_errors=True)


def _sweep(home: Path) -> None:
    """Remove what killed processes left; a living process of the same number is our own."""
    for left in home.parent.glob(f".{glob.escape(home.name)}.partial-*"):
        owner = left.name.rpartition("partial-")[2].partition("-")[0]
        if owner.isdigit() and (int(owner) == os.getpid() or not psutil.pid_exists(int(owner))):
            shutil.rmtree(left, ignore_errors=True)


def _set_aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.replaced")


def check_is_space(folder: Path) -> None:
    """Raise `SpaceError` unless `folder` holds a space, saying where an interrupted one is."""
    if (folder / "prompt").is_dir():
        return
    aside = _set_aside(folder.resolve())
    if aside.is_dir() and not folder.exists():
        raise SpaceError(
            f"{folder} was being replaced when the process was stopped; what it held is in "
            f"{aside}: rename it back, or train again"
        )
    raise SpaceError(
        f"{folder} is no space: it has no prompt/; give the folder that `spaner train` wrote"
    )
