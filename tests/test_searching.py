"""docs/searching.md followed word for word, in a project with a trained space."""

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

PAGE = (Path(__file__).parents[1] / "docs/searching.md").read_text(encoding="utf-8")
REFUSED = "is refused:"

spaner = conftest.spaner
demo_data = conftest.demo_data
small_project = conftest.small_project
trained_project = conftest.trained_project


def test_the_page_does_what_it_says(tmp_path: Path, trained_project: Path, spaner: Run) -> None:
    folder = Path(shutil.copytree(trained_project, tmp_path / "project"))
    picture = min((folder / "vision" / "test").iterdir())
    ran = 0
    for block in blocks_of(PAGE):
        content = block.content.replace("digit-1450.png", picture.name)
        if block.kind == "python":
            done = python(content, cwd=folder)
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith("Hits: 4\n")
            ran += 1
            continue
        for line in content.splitlines():
            _, *arguments = shlex.split(line)
            done = spaner(*arguments, cwd=folder)
            assert done.returncode == (2 if block.words.endswith(REFUSED) else 0), done.stderr
            ran += 1
    assert ran > 8
    assert (folder / "space.index" / "vision.json").is_file()
