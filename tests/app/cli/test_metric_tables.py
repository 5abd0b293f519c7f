"""What the embedded default reaches on its whole data, by the commands that a user types."""

from __future__ import annotations

import csv
import json
import random
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable
from importlib.resources import files
from itertools import permutations
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

TRAINED = ("text", "vision", "audio")


@pytest.fixture
def whole_project(demo_data: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(demo_data, tmp_path / "whole"))
    content = (files("spaner.demo") / "plugins.yaml").read_bytes()
    (folder / "plugins.yaml").write_bytes(content)
    return folder


def figures_of(spaner: Run, folder: Path) -> dict[str, float | None]:
    done = spaner("evaluate", "--split", "test", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    figures: dict[str, float | None] = json.loads(done.stdout)
    return figures


def mean_of(figures: dict[str, float | None], name: str, names: tuple[str, ...] = TRAINED) -> float:
    values = [figures[f"{a}_to_{b}_{name}"] for a, b in permutations(names, 2)]
    found = [value for value in values if value is not None]
    assert len(found) == len(values)
    return sum(found) / len(found)


def test_all_data_reaches_the_floor_and_attaching_as_well(whole_project: Path, spaner: Run) -> None:
    assert spaner("train", *TRAINED, "--quiet", cwd=whole_project).returncode == 0
    figures = figures_of(spaner, whole_project)
    assert mean_of(figures, "recall@1") >= 0.94
    assert mean_of(figures, "map") >= 0.94

    assert spaner("attach", "sensor", "--quiet", cwd=whole_project).returncode == 0
    attached = figures_of(spaner, whole_project)
    for other in ("text", "audio"):
        for name in ("recall@1", "map"):
            assert mean_of(attached, name, ("sensor", other)) >= 0.95, (other, name)
    assert {name: attached[name] for name in figures if "_to_" in name} == {
        name: value for name, value in figures.items() if "_to_" in name
    }, "attaching moved figures of the modalities that were there"


def test_shuffled_labels_give_chance(whole_project: Path, spaner: Run) -> None:
    path = whole_project / "manifest.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    training = defaultdict(list)
    for row in rows:
        if row["split"] == "train":
            training[row["modality"]].append(row)
    draw = random.Random(0)
    for part in training.values():
        concepts = [row["concept"] for row in part]
        draw.shuffle(concepts)
        for row, concept in zip(part, concepts, strict=True):
            row["concept"] = concept
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)

    done = spaner("train", *TRAINED, "--quiet", cwd=whole_project)
    assert done.returncode == 0, done.stderr
    assert mean_of(figures_of(spaner, whole_project), "map") < 0.25
