"""A project that can be served, and a service of it beside the tests."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.app.conftest import unchanged
from tests.app.serve.services import Service, serving

Run = Callable[..., subprocess.CompletedProcess[str]]
MadeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def served_project(made_once: MadeOnce, attached_project: Path, spaner: Run) -> Iterator[Path]:
    """The project of four modalities with an index and a calibration; not to be changed."""

    def make(folder: Path) -> None:
        shutil.copytree(attached_project, folder)
        for command in (["index"], ["calibrate", "--false-accept", "0.2"]):
            done = spaner(*command, "--quiet", cwd=folder)
            assert done.returncode == 0, done.stderr

    with unchanged(made_once("served", make)) as folder:
        yield folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, served_project: Path) -> Iterator[Service]:
    """A service of a copy of the whole project, for all tests of a module."""
    folder = shutil.copytree(served_project, tmp_path_factory.mktemp("service") / "project")
    with serving(Path(folder)) as service:
        yield service


@pytest.fixture
def served(tmp_path: Path, served_project: Path) -> Path:
    """A copy of the project that can be served."""
    return Path(shutil.copytree(served_project, tmp_path / "served"))
