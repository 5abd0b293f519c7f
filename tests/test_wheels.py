"""The wheels hold what they need and nothing else, and work without the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.surface import WHEELS, kept, listed

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", WHEELS)
def test_a_wheel_carries_what_was_decided_and_its_licence(wheels: Path, name: str) -> None:
    (path,) = wheels.glob(f"{name}-*.whl")
    files = zipfile.ZipFile(path).namelist()
    about = [file for file in files if ".dist-info/" in file]
    assert list(listed(set(files) - set(about))) == kept(f"wheel_{name}")
    assert f"{name}-0.1.0.dist-info/licenses/LICENSE" in about


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
