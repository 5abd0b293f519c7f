"""docs/scores.md followed word for word, in a project with a trained space."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.app import conftest
from tests.doc_blocks import blocks_of
from tests.process import python

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[1] / "docs/scores.md").read_text(encoding="utf-8")

spaner = conftest.spaner
demo_data = conftest.demo_data
small_project = conftest.small_project
trained_project = conftest.trained_project


def test_the_page_does_what_it_says(tmp_path: Path, trained_project: Path, spaner: Run) -> None:
    folder = Path(shutil.copytree(trained_project, tmp_path / "project"))
    blocks = [*blocks_of(PAGE)]
    (grouped,) = [block.content for block in blocks if block.kind == "yaml"]
    config = folder / "plugins.yaml"
    content = {**yaml.safe_load(config.read_text("utf-8")), **yaml.safe_load(grouped)}
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    told = ""
    for block in blocks:
        if block.kind == "sh":
            for line in block.content.splitlines():
                done = spaner(*shlex.split(line)[1:], cwd=folder)
                assert done.returncode == 0, done.stderr
                told = done.stdout
        elif block.kind == "python":
            done = python(block.content, cwd=folder)
            assert done.returncode == 0, done.stderr
            assert f"```text\n{done.stdout}```" in PAGE
    assert told.startswith("unfamiliar: the query is unlike all that the calibration knows (p=0.0")
    assert "probability ┃" not in told
