"""docs/monitoring.md followed word for word, in a project with a trained space."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app import conftest
from tests.doc_blocks import blocks_of
from tests.process import python

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[1] / "docs/monitoring.md").read_text(encoding="utf-8")

spaner = conftest.spaner
demo_data = conftest.demo_data
small_project = conftest.small_project
trained_project = conftest.trained_project


def test_the_page_does_what_it_says(tmp_path: Path, trained_project: Path, spaner: Run) -> None:
    folder = Path(shutil.copytree(trained_project, tmp_path / "project"))
    ended = []
    for block in blocks_of(PAGE):
        if block.kind == "csv":
            (folder / "day.csv").write_text(block.content, encoding="utf-8")
        elif block.kind == "sh":
            done = spaner(*shlex.split(block.content)[1:], cwd=folder)
            assert done.returncode in (0, 3), done.stderr
            ended.append(done.returncode)
        elif block.kind == "python":
            done = python(block.content, cwd=folder)
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith("DriftReport of day.csv: drift in ")
            assert "are unfamiliar, more than 0.2" in done.stdout
    assert ended == [0, 0, 3]
    assert (folder / "day.json").exists()
