"""Says which modalities can be used: declared, working, in the space, fresh."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from spaner_core.errors import ConfigError, DataError

from spaner.project import Project


def declared_modalities(project: Project, names: Sequence[str]) -> tuple[str, ...]:
    """Return the declared modalities among `names`, all by default, as they are declared.

    Raises `ConfigError` for a name that is not declared.
    """
    project.config.check_declared(names)
    return tuple(name for name in project.config.modalities if name in names or not names)


def working_modalities(
    project: Project, names: Sequence[str], *, asked: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return those of the declared modalities `names` whose plugins work.

    The others are left out, and `project.left_out` keeps why. Raises `PluginError` for one of those
    that were `asked` for, and `ConfigError` with every wrong option of those that work.
    """
    working = []
    for name in names:
        with project.left_out.where_broken(name, asked=name in asked):
            with suppress(ConfigError):  # wrong options are told all together
                project.assembly.modality(name)
            working.append(name)
    project.assembly.check_options(working)
    return tuple(working)


def usable_modalities(project: Project, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the modalities of the project's space that can be used here, sorted.

    With `names` only these. Those that are damaged, not declared, or whose plugin is absent or
    broken are left out, and `project.left_out` keeps why. Raises `ConfigError`, `SpaceError` or
    `PluginError` where one of `names` is among them, or the space has it not.
    """
    project.config.check_declared(names)
    space = project.space
    for name in names:
        space.check_modality(name)
    if names:
        return tuple(name for name in space.modalities if name in names)
    usable = tuple(name for name in space.modalities if _is_usable(project, name))
    for name, reason in space.damaged.items():
        project.left_out.add(name, reason)
    return usable


def fresh_modalities(
    project: Project, names: Iterable[str], *, asked: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return those of `names` whose encoders can be built and give what is stored.

    Broken ones are left out. Raises `PluginError` for one of those that were `asked` for, and
    `DataError` with every modality whose stored features are stale.
    """
    working = []
    for name in names:
        with project.left_out.where_broken(name, asked=name in asked):
            with suppress(DataError):  # stale features are told all together
                project.freshness.check([name])
            working.append(name)
    project.freshness.check(working)
    return tuple(working)


def _is_usable(project: Project, name: str) -> bool:
    space, left_out = project.space, project.left_out
    origin = space.unserved.get(name)
    if name not in project.config.modalities:
        left_out.add(name, f"{project.config.path} does not declare it")
    elif origin is not None:
        reason = f"no plugin that serves it is installed; the space was made with {origin}"
        left_out.add(name, reason)
    elif name not in left_out.reasons:
        with left_out.where_broken(name):
            project.registry.load(name)
            return name in space.usable([name])
    return False
