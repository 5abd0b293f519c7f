"""Writes a new plugin from the template's files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

from spaner_core.errors import ConfigError, OutputExists
from spaner_core.files.replacing import placed_at_end
from spaner_registry.plugins.discovery import discover

PLACEHOLDER = "NAME"
BOUNDS = "BOUNDS"
"""What stands for the versions of this program that the plugin is written for."""

SUFFIX = ".template"
"""What the template's files end in, so that no tool takes them for this program's own."""

LONGEST = 40
"""Letters of the longest name."""

_GOOD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def write_plugin(name: str, folder: Path) -> Path:
    """Write the distribution `spaner-<name>` into `folder`, whole or not at all; return its path.

    Raises `ConfigError` for a bad or taken name or a `folder` that is none, `OutputExists` where
    the plugin's folder is there already.
    """
    check_name(name)
    for above in (folder, *folder.parents):
        if above.exists() and not above.is_dir():
            raise ConfigError(
                f"--folder {folder}: {above} is a file; expected a folder, in which the plugin's "
                "own is made; name another"
            )
    target = folder / f"spaner-{name}"
    if target.exists() or target.is_symlink():
        raise OutputExists(
            f"{target} exists already; remove it, or choose another name or --folder"
        )
    bounds = _bounds(version("spaner"))
    with placed_at_end(target) as new:
        for place, content in _template_files(files("spaner.plugins.new") / "template"):
            path = new / place.replace(PLACEHOLDER, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            written = content.replace(PLACEHOLDER, name).replace(BOUNDS, bounds)
            path.write_text(written, encoding="utf-8", newline="\n")
    return target


def _bounds(installed: str) -> str:
    """Return what a dependency takes: this version and later ones, up to the next major one."""
    return f">={installed},<{int(installed.partition('.')[0]) + 1}"


def _template_files(folder: Traversable, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every file below `folder`, its place without the suffix and its text."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _template_files(entry, f"{place}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            yield place + entry.name.removesuffix(SUFFIX), entry.read_text(encoding="utf-8")


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
