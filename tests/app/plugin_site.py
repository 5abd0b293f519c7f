"""Plugins laid into a folder as pip lays them, and `spaner` started so that it finds them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests import process


class PluginSite:
    """A folder of installed distributions, in front of those that are installed already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, name: str, source: str, *, distribution: str | None = None) -> None:
        """Install a plugin that is one module of the given source."""
        distribution = distribution or f"spaner-{name}"
        module = f"plugin_{distribution.replace('-', '_')}"
        (self.folder / f"{module}.py").write_text(source, encoding="utf-8")
        self.declare(name, module, distribution=distribution)

    def declare(self, name: str, module: str, *, distribution: str | None = None) -> None:
        """Write what makes `module` the plugin `name`."""
        distribution = distribution or f"spaner-{name}"
        info = self.folder / f"{distribution.replace('-', '_')}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 0.1.0\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(f"[spaner]\n{name} = {module}\n", encoding="utf-8")

    def spaner(self, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run `spaner` with this folder's plugins installed."""
        return process.spaner(*arguments, cwd=cwd, path=[self.folder])

    def python(self, code: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a piece of Python with this folder's plugins installed."""
        return process.python(code, *arguments, cwd=cwd, path=[self.folder])


CRASHES = "import ctypes; ctypes.string_at(0)"
