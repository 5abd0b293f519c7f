"""Lists plugins that are installed, declared or used, from metadata alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from spaner_core.files.documents import read_json
from spaner_registry.plugins.discovery import FoundPlugin

LOADING_LIMIT_S = 120.0
"""Seconds that importing one plugin may take; the first import of large libraries is slow."""

_LONGEST_SHOWN = 60
"""Characters of a stranger's string that are shown."""


@dataclass(frozen=True, kw_only=True)
class ListedPlugin:
    """One line of `spaner plugins`.

    `problem` says why the plugin cannot be used; `loads` is None where it was not loaded.
    """

    name: str
    distribution: str
    version: str
    declared: bool
    in_space: bool
    loads: bool | None
    problem: str | None


def list_plugins(
    found: Mapping[str, FoundPlugin],
    *,
    declared: Collection[str],
    space: Path | None,
    tried: Mapping[str, str | None] | None = None,
) -> list[ListedPlugin]:
    """Describe the plugins that were found; `tried` is what `try_plugins` says of them."""
    in_space = {folder.name for folder in _aligners(space)}
    outcomes = tried or {}
    return [
        ListedPlugin(
            name=name,
            distribution=plugin.distribution,
            version=plugin.version,
            declared=name in declared,
            in_space=name in in_space,
            loads=outcomes[name] is None if name in outcomes else None,
            problem=plugin.problem or outcomes.get(name),
        )
        for name, plugin in found.items()
    ]


def try_plugins(found: Mapping[str, FoundPlugin]) -> dict[str, str | None]:
    """Load every plugin in a process of its own; say what is wrong with each, None for nothing.

    One that policy or environment leaves out is not loaded and not in the result: that is no
    defect of it. One that is declared twice is not loaded either, and is told with that problem.
    """
    from spaner.plugins.plugin_check import try_opening

    return {
        name: try_opening(plugin, time_limit_s=LOADING_LIMIT_S)
        for name, plugin in found.items()
        if not plugin.left_out
    }


def unserved_modalities(found: Collection[str], *, space: Path | None) -> Iterator[str]:
    """Say which modalities the space has and no installed plugin serves.

    A space may come from a stranger: what it says is shown quoted, and never as advice.
    """
    for folder in _aligners(space):
        if folder.name not in found:
            yield (
                f"the space has {_quoted(folder.name)}, which no installed plugin serves; "
                f"{_recorded_origin(folder)}"
            )


def recorded_origin(space: Path, modality: str) -> str | None:
    """Say which distribution made a modality of a space; None where the space has none such."""
    folder = space / "aligners" / modality
    return _recorded_origin(folder) if folder.is_dir() else None


def _aligners(space: Path | None) -> list[Path]:
    """Return the folders of a space's modalities, none where there is no space."""
    if space is None:
        return []
    try:
        return sorted(path for path in (space / "aligners").iterdir() if path.is_dir())
    except OSError:
        return []


def _recorded_origin(folder: Path) -> str:
    try:
        record = read_json(folder / "config.json")
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict):
        return "its config.json, which would say what made it, cannot be read"
    distribution, version = (_quoted(record.get(key)) for key in ("distribution", "version"))
    return f"the space says that distribution {distribution}, version {version}, made it"


def _quoted(value: object) -> str:
    if not isinstance(value, str):
        return "unknown"
    short = len(value) <= _LONGEST_SHOWN
    return repr(value if short else value[:_LONGEST_SHOWN] + "...")
