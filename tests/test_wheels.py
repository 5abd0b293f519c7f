"""The wheels hold what they need and nothing else, and work without the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = ("audio", "sensor", "text", "vision")

pytestmark = pytest.mark.slow


def test_the_wheel_carries_packages_and_data_only(wheels: Path) -> None:
    (wheel,) = wheels.glob("spaner-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"spaner", "spaner_core", "spaner_registry", "spaner-0.1.0.dist-info"}
    assert sum(name.endswith(".flac") for name in names) == 560
    for needed in ("data/motions.parquet", "data/README.md", "plugins.yaml"):
        assert f"spaner/demo/{needed}" in names
    assert "spaner/scaffold/template/spaner_NAME/__init__.py.template" in names
    assert "spaner-0.1.0.dist-info/licenses/LICENSE" in names


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugins_wheel_carries_its_package_and_licence(wheels: Path, plugin: str) -> None:
    (wheel,) = wheels.glob(f"spaner_{plugin}-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        f"spaner_{plugin}",
        f"spaner_{plugin}-0.1.0.dist-info",
    }
    assert f"spaner_{plugin}-0.1.0.dist-info/licenses/LICENSE" in names


def test_the_demonstration_runs_from_wheels(wheels: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", site, *wheels.glob("*.whl")], check=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def run(*command: str) -> str:
        return subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    where = run("-c", "import spaner, spaner_core, spaner_text; print(spaner_core.__file__)")
    assert Path(where.strip()).is_relative_to(site)
    run("-m", "spaner", "demo")
    figures = json.loads(run("-m", "spaner", "evaluate", "-c", "demo/plugins.yaml", "--json"))
    assert figures["mean_map"] > 0.9
