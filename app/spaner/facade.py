"""`spaner.load`: open a space from its folder or from plugins.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spaner_core.errors import SpaceError

if TYPE_CHECKING:
    from spaner.space import Space


def load(path: str | Path) -> Space:
    """Open a trained space.

    `path` is the space's folder, whose recorded encoders are then used, or a plugins.yaml, whose
    declarations and policy then bind. Raises `SpaceError` where there is no space.
    """
    from spaner.space import open_space

    given = Path(path)
    if given.suffix in (".yaml", ".yml"):
        from spaner_registry.config import read_config

        from spaner.project import Project

        return Project(read_config(given)).space
    if not given.is_dir():
        raise SpaceError(f"{given} is no folder; give a space's folder or a plugins.yaml")
    return open_space(given)
