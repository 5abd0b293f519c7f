"""What killed processes left half-made beside the files and folders that they were writing.

Its name says whose it is: `.NAME.KIND-PROCESS`, and behind another hyphen what its maker added.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import NamedTuple

import psutil

LONGEST = 10
"""Digits of a number that no process has, on any system."""


class Left(NamedTuple):
    """A file or folder beside the one being written, its process, and what else its name says."""

    path: Path
    owner: str
    inner: str

    @property
    def is_dead(self) -> bool:
        """Whether its process is gone; a living one of this number may be this very one."""
        if not (self.owner.isascii() and self.owner.isdigit() and len(self.owner) < LONGEST):
            return False  # nothing of ours
        return int(self.owner) == os.getpid() or not psutil.pid_exists(int(self.owner))


def left_beside(home: Path, kind: str) -> list[Left]:
    """Find what processes, dead or at work, have beside `home`, in order of name."""
    prefix = f".{home.name}.{kind}-"
    found = []
    for path in sorted(home.parent.glob(glob.escape(prefix) + "*")):
        owner, _, inner = path.name.removeprefix(prefix).partition("-")
        found.append(Left(path, owner, inner))
    return found
