"""What is installed, from distributions' metadata alone: no plugin is imported.

Standard library only (not even `spaner_core`, whose root imports pydantic): `spaner plugins`
lists everything with its problems before anything heavy starts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points

GROUP = "spaner"
"""The entry-point group of the contract, `spaner_core.ENTRY_POINT_GROUP`."""

LOAD_PLUGINS = "SPANER_LOAD_PLUGINS"
"""Environment variable: names of the plugins that may be loaded, with commas; empty means none."""


@dataclass(frozen=True)
class FoundPlugin:
    """One name of the group and the distribution that declares it.

    `problem` says why it cannot be used (declared twice, refused by policy or environment), or is
    None. It is kept rather than raised: only whoever asks for this plugin is concerned.
    """

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint
    problem: str | None = None

    @property
    def origin(self) -> str:
        """Distribution and version, as messages name them."""
        return f"{self.distribution} {self.version}"


def discover(allow: Collection[str] | None = None) -> dict[str, FoundPlugin]:
    """Find every installed plugin by name, sorted, each with its problem if it has one.

    `allow` names the distributions that may be loaded, None meaning any. A distribution that is
    on `sys.path` twice counts once, the first being the one that Python imports. Never raises.
    """
    by_name: dict[str, list[FoundPlugin]] = {}
    for entry_point in entry_points(group=GROUP):  # one a distribution name, first on sys.path
        by_name.setdefault(entry_point.name, []).append(_found(entry_point))
    return {name: _settle(by_name[name], allow) for name in sorted(by_name)}


def normalise(distribution: str) -> str:
    """Write a distribution's name as PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()


def _found(entry_point: EntryPoint) -> FoundPlugin:
    distribution, version = _identity(entry_point)
    return FoundPlugin(entry_point.name, distribution, version, entry_point)


def _identity(entry_point: EntryPoint) -> tuple[str, str]:
    """Return the distribution's name and version, with words where its metadata is damaged."""
    unknown = ("(unknown distribution)", "(unknown version)")
    if entry_point.dist is None:
        return unknown
    try:  # an interrupted uninstall leaves entry points without METADATA
        metadata = entry_point.dist.metadata
    except OSError:
        return unknown
    names, versions = metadata.get_all("Name"), metadata.get_all("Version")
    return names[0] if names else unknown[0], versions[0] if versions else unknown[1]


def _settle(rivals: list[FoundPlugin], allow: Collection[str] | None) -> FoundPlugin:
    """Choose the one plugin of a name that may be loaded, or say why none may."""
    permitted = rivals
    if allow is not None:
        allowed = {normalise(name) for name in allow}
        permitted = [plugin for plugin in rivals if normalise(plugin.distribution) in allowed]
    chosen = (permitted or rivals)[0]
    problem = None
    if not permitted:
        problem = _refused_by_policy(rivals, allow or ())
    elif len(permitted) > 1:
        declared = " and ".join(plugin.origin for plugin in permitted)
        problem = (
            f"declared {len(permitted)} times, by {declared}; expected one; "
            "uninstall all but one, or name the one to use in policy.allow"
        )
    elif _refused_by_environment(chosen.name):
        problem = (
            f"{LOAD_PLUGINS} is {os.environ[LOAD_PLUGINS]!r}; expected it to name "
            f"{chosen.name!r}; add the name, or unset the variable to allow all"
        )
    return replace(chosen, problem=problem)


def _refused_by_policy(rivals: list[FoundPlugin], allow: Collection[str]) -> str:
    names = " and ".join(plugin.distribution for plugin in rivals)
    return (
        f"its distribution {names} is not in policy.allow; "
        f"allowed: {', '.join(sorted(allow)) or 'none'}; add it there if you trust it"
    )


def _refused_by_environment(name: str) -> bool:
    named = os.environ.get(LOAD_PLUGINS)
    return named is not None and name not in {part.strip() for part in named.split(",")}
