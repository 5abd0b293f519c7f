"""docs/python.md followed word for word; its blocks are one program."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import spaner as product
from spaner.cli import NAMES

from tests.app import conftest
from tests.doc_blocks import blocks_of
from tests.process import python

PAGE = (Path(__file__).parents[1] / "docs/python.md").read_text(encoding="utf-8")
RECORDING = "audio/test/f2/two.flac"
NO_CALL = ("demo", "plugins", "serve")
"""They work on no project, or answer the calls of others."""

demo_data = conftest.demo_data
small_project = conftest.small_project


def test_the_page_does_what_it_says(tmp_path: Path, small_project: Path, demo_data: Path) -> None:
    folder = Path(shutil.copytree(small_project, tmp_path / "project"))
    recording = folder / RECORDING
    recording.parent.mkdir(exist_ok=True)
    shutil.copyfile(demo_data / RECORDING, recording)
    program = "\n".join(block.content for block in blocks_of(PAGE) if block.kind == "python")
    done = python(program, cwd=folder)
    assert done.returncode == 0, done.stderr
    shown = (
        "TrainingReport",
        "Evaluation of split test",
        "Hits: 4",
        "Why ",
        "confidence",
        "[0] {1: ",
    )
    for part in shown:
        assert part in done.stdout
    calibration = "space.calibration.safetensors"
    for written in ("space.index", calibration, "carried.csv", "vision.parquet"):
        assert (folder / written).exists()


@pytest.mark.parametrize("command", [name for name in NAMES if name not in NO_CALL])
def test_every_command_is_a_call(command: str) -> None:
    name = command.replace("-", "_")
    assert re.search(rf"^\| `spaner {command}\b.* \| `project\.{name}\(", PAGE, re.M)
    assert getattr(product.Project, name).__doc__


def test_every_call_of_the_table_is_one() -> None:
    for name, call in re.findall(r"`(project|space)\.(\w+)\(", PAGE):
        kind = product.Project if name == "project" else product.Space
        assert callable(getattr(kind, call))
