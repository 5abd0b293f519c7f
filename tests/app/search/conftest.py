"""A project whose scores are calibrated."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.search.calibrations import RATE

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def calibrated_project(
    tmp_path_factory: pytest.TempPathFactory, attached_project: Path, spaner: Run
) -> Path:
    """The project of four modalities with a calibration; not to be changed."""
    folder = tmp_path_factory.mktemp("calibrated") / "project"
    shutil.copytree(attached_project, folder)
    done = spaner("calibrate", *RATE, "--quiet", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "│ text   │ audio" in done.stdout, "quiet or not, the result is what was asked for"
    return folder


@pytest.fixture
def calibrated(tmp_path: Path, calibrated_project: Path) -> Path:
    return Path(shutil.copytree(calibrated_project, tmp_path / "calibrated"))
