"""Writing a new plugin: files of the template with one word, NAME, replaced."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from spaner_core.errors import ConfigError, OutputExists
from spaner_core.replacing import placed_at_end

from spaner.scaffold.names import check_name

PLACEHOLDER = "NAME"
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
    with placed_at_end(target) as new:
        for place, content in _template_files(files("spaner.scaffold") / "template"):
            path = new / place.replace(PLACEHOLDER, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content.replace(PLACEHOLDER, name), encoding="utf-8", newline="\n")
    return target


def _template_files(folder: Traversable, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every file below `folder`, its place without the suffix and its text."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _template_files(entry, f"{place}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            yield place + entry.name.removesuffix(SUFFIX), entry.read_text(encoding="utf-8")
