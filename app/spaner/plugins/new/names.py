"""Checks the name of a new modality, and derives the others."""

from __future__ import annotations

import re
import unicodedata
from importlib.util import find_spec

from spaner_core.errors import ConfigError
from spaner_registry.plugins.discovery import discover

LONGEST = 40
"""Letters of the longest name."""

_GOOD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def check_name(name: str) -> None:
    """Raise `ConfigError` unless `name` is well formed and neither a plugin nor a module has it."""
    if not _is_good(name):
        raise ConfigError(
            f"{name!r} is no name for a modality; expected at most {LONGEST} lower-case letters, "
            f"digits and single underscores, a letter first; {_nearest(name)!r} would do"
        )
    if (plugin := discover().get(name)) is not None:
        raise ConfigError(
            f"a plugin {name!r} is installed already, from {plugin.origin}; choose another name"
        )
    if find_spec(f"spaner_{name}") is not None:
        raise ConfigError(
            f"a module spaner_{name} is installed already, which a plugin {name!r} would hide; "
            "choose another name"
        )


def _is_good(name: str) -> bool:
    return len(name) <= LONGEST and _GOOD.fullmatch(name) is not None


def _nearest(name: str) -> str:
    """Return the well-formed name that is most like `name`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    joined = "_".join(re.findall(r"[a-z0-9]+", plain)).removeprefix("spaner_")
    if joined[:1].isdigit():
        joined = f"m{joined}"
    return joined[:LONGEST].rstrip("_") or "thermal"
