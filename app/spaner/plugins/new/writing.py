"""Writes a new plugin from the template's files."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from spaner_core.errors import ConfigError, OutputExists
from spaner_core.files.replacing import placed_at_end

from spaner.plugins.new.names import check_name

PLACEHOLDER = "NAME"
BOUNDS = "BOUNDS"
"""What stands for the versions of this program that the plugin is written for."""

SUFFIX = ".template"
"""What the template's files end in, so that no tool takes them for this program's own."""


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
