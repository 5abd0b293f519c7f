"""Plugins laid into a folder as pip lays them, and `spaner` started so that it finds them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


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
        """Run `spaner` from nothing."""
        return self.python("-m", "spaner", *arguments, cwd=cwd)

    def python(self, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run Python with this folder's plugins installed."""
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env={
                **os.environ,
                "PYTHONPATH": str(self.folder),
                "OMP_NUM_THREADS": "1",
                "CUDA_VISIBLE_DEVICES": "",
                "COLUMNS": "80",
            },
            capture_output=True,
            text=True,
            check=False,
        )
