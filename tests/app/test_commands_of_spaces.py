"""`spaner evaluate` and `spaner search` in a trained space: what they print and take."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.app.answers import notes, only_json

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]


def test_evaluate_tells_every_ordered_pair(attached: Path, spaner: Run) -> None:
    result = spaner("evaluate", cwd=attached)

    assert (result.returncode, result.stderr) == (0, "")
    pairs = re.findall(r"^│ (\w+) +│ (\w+) +│ +[\d-]", result.stdout, re.MULTILINE)
    names = ("audio", "sensor", "text", "vision")
    assert [(a, b) for a in names for b in names if a != b] == pairs[:12]
    assert "split test" in result.stdout
    assert re.search(r"Mean recall@1 [01]\.\d{3}, mean mAP [01]\.\d{3}", result.stdout)


def test_evaluate_json_is_one_flat_dict(attached: Path, spaner: Run) -> None:
    figures = only_json(spaner("evaluate", "--json", cwd=attached))

    assert all(value is None or isinstance(value, int | float) for value in figures.values())
    for name in ("recall@1", "recall@10", "mrr@10", "map", "median_rank", "unanswerable"):
        assert f"audio_to_sensor_{name}" in figures
    assert figures["sensor_to_vision_recall@1"] is None, "they have no concept in common"
    assert figures["sensor_to_vision_unanswerable"] == 8
    answered = [v for k, v in figures.items() if re.fullmatch(r"\w+_to_\w+_map", k) and v]
    assert figures["primary_metric"] == pytest.approx(np.mean(answered))


def test_evaluate_takes_split_and_strength(attached: Path, spaner: Run) -> None:
    free, own, pulled = (
        only_json(spaner("evaluate", "--json", "--strength", strength, cwd=attached))
        for strength in ("0", "0.5", "1")
    )
    by_default = only_json(spaner("evaluate", "--json", cwd=attached))
    validation = only_json(spaner("evaluate", "--json", "--split", "validation", cwd=attached))

    assert own == by_default
    key = "audio_to_text_matched_cosine"
    assert len({free[key], own[key], pulled[key], validation[key]}) == 4


def test_evaluate_draws_a_map(attached: Path, spaner: Run) -> None:
    result = spaner("evaluate", "--json", "--map", "new/map.png", cwd=attached)

    only_json(result)
    assert notes(result) == ["note: map written to new/map.png"]
    with Image.open(attached / "new" / "map.png") as image:
        image.load()
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB"))
    assert min(pixels.shape[:2]) > 400
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10, "the map is blank"
    assert [path.name for path in (attached / "new").iterdir()] == ["map.png"]


def test_search_by_text_and_by_file(attached: Path, spaner: Run) -> None:
    hits = only_json(
        spaner("search", "two", "--from", "text", "--to", "audio", "-k", "5", "--json",
               cwd=attached)
    )  # fmt: skip
    assert [hit["rank"] for hit in hits] == [1, 2, 3, 4, 5]
    keys = {"rank", "score", "id", "modality", "input", "concept", "exact"}
    assert all(set(hit) == keys for hit in hits)
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert hits[0]["concept"] == "two"

    picture = next((attached / "vision" / "test").iterdir()).relative_to(attached)
    result = spaner("search", picture, "--from", "vision", "--to", "text", cwd=attached)
    assert (result.returncode, result.stderr) == (0, "")
    assert "score" in result.stdout


def test_search_keeps_to_the_split_and_finds_a_row_itself(attached: Path, spaner: Run) -> None:
    sound = next(iter(sorted((attached / "audio" / "test").glob("*/two.flac"))))
    found = only_json(
        spaner("search", sound, "--from", "audio", "--to", "audio", "-k", "100", "--split", "test",
               "--json", cwd=attached)
    )  # fmt: skip
    assert {hit["input"].split("/")[1] for hit in found} == {"test"}
    assert len(found) == 12, "more were asked for than there are"
    assert (attached / found[0]["input"]).samefile(sound)
    assert found[0]["score"] == pytest.approx(1, abs=1e-3)


def test_a_space_moves_with_its_folder(attached: Path, spaner: Run, tmp_path: Path) -> None:
    before = only_json(spaner("evaluate", "--json", cwd=attached))
    moved = Path(shutil.move(attached, tmp_path / "moved"))
    assert only_json(spaner("evaluate", "--json", cwd=moved)) == before
    assert spaner("verify", cwd=moved).returncode == 0


def test_a_manifest_without_splits_is_measured_whole(project: Path, spaner: Run) -> None:
    path = project / "manifest.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(
            file, [key for key in rows[0] if key != "split"], extrasaction="ignore"
        )
        table.writeheader()
        table.writerows(rows)
    assert spaner("train", "text", "vision", cwd=project).returncode == 0
    measured = spaner("evaluate", "--json", cwd=project)
    assert measured.returncode == 0, measured.stderr
    assert json.loads(measured.stdout)["mean_map"] > 0.5
    assert "trained on too" in measured.stderr
