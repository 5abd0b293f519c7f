"""A trained project with an index, and what is asked of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.answers import only_json
from tests.app.conftest import unchanged

Run = Callable[..., subprocess.CompletedProcess[str]]
MadeOnce = Callable[[str, Callable[[Path], object]], Path]
Reports = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def folder(tmp_path: Path, trained_project: Path) -> Path:
    """A copy of the trained project."""
    return Path(shutil.copytree(trained_project, tmp_path / "project"))


@pytest.fixture(scope="session")
def indexed_project(made_once: MadeOnce, trained_project: Path, spaner: Run) -> Iterator[Path]:
    """The trained project with an index; not to be changed."""

    def make(folder: Path) -> None:
        shutil.copytree(trained_project, folder)
        only_json(spaner("index", "--json", "--quiet", cwd=folder))

    with unchanged(made_once("indexed", make)) as folder:
        yield folder


@pytest.fixture
def indexed(tmp_path: Path, indexed_project: Path) -> Path:
    """A copy of the trained project with an index."""
    return Path(shutil.copytree(indexed_project, tmp_path / "project"))


@pytest.fixture(scope="session")
def reports(spaner: Run) -> Reports:
    """Index a project's folder; return what was done by modality."""

    def index(folder: Path, *more: str) -> dict[str, dict[str, Any]]:
        found = only_json(spaner("index", *more, "--json", "--quiet", cwd=folder))
        return {one["modality"]: one for one in found["modalities"]}

    return index
