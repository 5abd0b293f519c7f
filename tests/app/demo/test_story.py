from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tests import process

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Tree = Callable[[Path], dict[str, str]]

ROOT = Path(__file__).parents[3]
PATHS = (("space",), ("data", "manifest"), ("prompt", "labels"))


@pytest.mark.slow
def test_the_demonstration_runs_twice_in_one_folder(
    cold_spaner: Run, spaner: Run, tmp_path: Path, tree: Tree
) -> None:
    first = cold_spaner("demo", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    for command in ("train text vision audio", "attach sensor", "verify", "evaluate", "search"):
        assert f"$ spaner {command}" in first.stdout
    with Image.open(tmp_path / "demo" / "map.png") as image:
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 100
    before = tree(tmp_path)
    assert set(before) & {"demo/plugins.yaml", "demo/manifest.csv", "demo/space/prompt"}

    second = spaner("demo", cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert tree(tmp_path / "demo/space") == {
        name.removeprefix("demo/space/"): value
        for name, value in before.items()
        if name.startswith("demo/space/")
    }
    assert spaner("verify", cwd=tmp_path / "demo").returncode == 0

    trying = spaner("search", "trois", "--from", "text", "--to", "vision,audio", "-c",
                    "demo/plugins.yaml", cwd=tmp_path)  # fmt: skip
    assert trying.returncode == 0, "the command that the demonstration ends with"
    assert "three" in trying.stdout


FEWER = """
import spaner.demo.factory.project as project
project.PRODUCTS = project.PRODUCTS[:14]
from spaner.__main__ import main
main()
"""


@pytest.mark.slow
def test_the_factory_is_written_trained_and_searched(spaner: Run, tmp_path: Path) -> None:
    told = process.python(FEWER, "demo", "--factory", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    for command in ("check --deep", "train text vision audio", "attach sensor", "verify"):
        assert f"$ spaner {command}" in told.stdout
    assert (tmp_path / "factory" / "map.png").is_file()
    ends_with = told.stdout.split("try your own:")[1].strip().splitlines()[0]
    assert spaner(*shlex.split(ends_with)[1:], cwd=tmp_path).returncode == 0
    result = spaner("evaluate", "--json", "-c", "factory/plugins.yaml", cwd=tmp_path)
    figures = json.loads(result.stdout)
    for pair in ("text_to_vision", "vision_to_text", "audio_to_text", "sensor_to_text"):
        assert figures[f"{pair}_recall@1"] > 0.2, "of fourteen products; chance is .07"


def test_the_demonstration_leaves_a_foreign_folder_alone(tmp_path: Path, refuses: Refuses) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    (tmp_path / "yaml").mkdir()
    (tmp_path / "yaml" / "plugins.yaml").write_text("space: elsewhere\n")
    (tmp_path / "file").write_text("a file")
    (tmp_path / "other").mkdir()
    shutil.copy(str(files("spaner.demo") / "plugins.yaml"), tmp_path / "other")
    for name in ("mine", "yaml", "file", "file/below"):
        refuses("demo", name, cwd=tmp_path, says=(name,))
    for name in ("mine", "other"):
        refuses("demo", "--factory", name, cwd=tmp_path, says=(name, "spaner demo --factory DIR"))


def settings(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for *outer, last in PATHS:
        section = content
        for key in outer:
            section = section[key]
        assert section.pop(last)
    return content


def test_the_clones_configuration_is_the_demonstrations() -> None:
    packaged = Path(str(files("spaner.demo") / "plugins.yaml"))
    assert settings(ROOT / "plugins.yaml") == settings(packaged)


def test_the_clones_configuration_points_to_where_the_demonstration_writes() -> None:
    content = yaml.safe_load((ROOT / "plugins.yaml").read_text(encoding="utf-8"))
    assert content["space"] == "demo/space"
    assert content["data"]["manifest"] == "demo/manifest.csv"
    assert content["prompt"]["labels"] == "demo/labels.csv"
