"""Tells of which modality an input is that nobody has named."""

from __future__ import annotations

from collections.abc import Sequence

from spaner_core.errors import ConfigError

from spaner.project import Project


def recognise(project: Project, head: bytes, suffix: str | None) -> list[str]:
    """Name the declared modalities whose plugins recognise a file's first bytes, or its suffix.

    Raises `PluginError` where a plugin fails.
    """
    plugins = {name: project.registry.load(name) for name in project.config.modalities}
    names = [name for name, plugin in plugins.items() if plugin.recognise(head, suffix)]
    return names or [name for name, plugin in plugins.items() if suffix in plugin.modality.suffixes]


def taking_texts(project: Project) -> list[str]:
    """Name the declared modalities that take inputs as themselves."""
    declared = project.config.modalities
    return [name for name in declared if project.registry.load(name).modality.inline]


def only_one(project: Project, names: Sequence[str], *, given: str, how: str) -> str:
    """Return the only modality that an input may be of. Raises `ConfigError` for none, or several.

    `how` says how it is to be named.
    """
    if len(names) == 1:
        return names[0]
    if not names:
        declared = ", ".join(project.config.modalities)
        raise ConfigError(
            f"no plugin recognises {given}; expected an input of {declared}; name its modality "
            f"{how}"
        )
    raise ConfigError(
        f"{given} may be of {' or '.join(names)}; expected one modality; name it {how}"
    )
