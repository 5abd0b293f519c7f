"""Opens a trained space from its folder or from plugins.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from spaner_core.errors import ConfigError, SpaceError

from spaner.arguments import path_of

if TYPE_CHECKING:
    from spaner_core.contract.options import OptionError
    from spaner_core.space.records import AlignerRecord
    from spaner_registry.assemble import Assembly

    from spaner.space import Space


def load(path: str | Path) -> Space:
    """Open a trained space.

    `path` is a plugins.yaml, whose declarations and policy then bind and whose rows are found and
    exported, or the space's folder, whose recorded encoders are then used. Raises `SpaceError`
    where there is no space.
    """
    given = path_of(path)
    if given.suffix in (".yaml", ".yml"):
        from spaner.commands import Project

        return Project(given).space
    if not given.is_dir():
        raise SpaceError(f"{given} is no folder; give a space's folder or a plugins.yaml")
    from spaner_core.space.opening import load_as

    from spaner.space import Space

    return load_as(Space, given, partial(_recorded_encoders, given))


def _recorded_encoders(folder: Path, records: Mapping[str, AlignerRecord]) -> Assembly:
    from spaner_registry.assemble import Assembly
    from spaner_registry.plugins.registry import Registry
    from spaner_registry.space_options import options_from_space

    options = options_from_space(records)
    return Assembly(Registry(), options, option_error=partial(_recorded, folder))


def _recorded(folder: Path, error: OptionError, *keys: str) -> ConfigError:
    """Say where a space recorded the options that a plugin complains of."""
    _, name, kind = keys
    return ConfigError(
        f"{folder / 'aligners' / name / 'config.json'}: {kind}_options: {error}; restore it from "
        "a copy, or declare the modality in your own plugins.yaml"
    )
