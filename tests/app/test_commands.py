from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
Tree = Callable[[Path], dict[str, str]]


def only_json(result: Result) -> Any:
    """The one JSON value that standard output consists of."""
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def notes(result: Result) -> list[str]:
    lines = result.stderr.splitlines()
    assert all(line.startswith("note: ") for line in lines), result.stderr
    return lines


def test_train_says_what_it_trained_and_warns_of_missing_concepts(
    project: Path, spaner: Run
) -> None:
    result = spaner("train", "text", "vision", "audio", cwd=project)

    assert result.returncode == 0, result.stderr
    assert "4 concepts" in result.stdout
    assert re.search(r"vision +│ +10 │ +\d+,\d{3}", result.stdout)
    assert notes(result) == [
        "note: modality 'vision' has no training rows of running, walking: do not trust it on these"
    ]
    written = {path.name for path in (project / "space" / "aligners").iterdir()}
    assert written == {"text", "vision", "audio"}
    assert [path.name for path in project.iterdir() if path.name.startswith(".")] == []


def test_train_takes_all_declared_modalities_by_default(project: Path, spaner: Run) -> None:
    report = only_json(spaner("train", "--json", cwd=project))

    assert report["rows"] == {"text": 24, "vision": 10, "audio": 12, "sensor": 8}
    assert set(report["trained_parameters"]) == {"text", "vision", "audio", "sensor"}
    assert report["concepts"] == 4
    assert report["space"] == "space"


def test_train_json_tells_notices_and_existing_receipts(project: Path, spaner: Run) -> None:
    result = spaner("train", "text", "vision", "--json", cwd=project)

    report = only_json(result)
    assert [f"note: {notice}" for notice in report["notices"]] == notes(result)
    assert report["receipts"]
    assert all((project / receipt).is_file() for receipt in report["receipts"])
    kept = {Path(receipt).parent.name for receipt in report["receipts"]}
    assert kept == {"prompt", "text", "vision"}


def test_attach_reports_the_receipt(trained: Path, spaner: Run) -> None:
    result = spaner("attach", "sensor", cwd=trained)

    assert result.returncode == 0, result.stderr
    assert re.search(r"sensor +│ +8 │", result.stdout)
    assert "16 files were in the space: each has the SHA-256 it had before" in result.stdout
    assert "space/aligners/sensor/receipt.json" in result.stdout.replace("\n", "")
    assert notes(result) == [
        "note: modality 'sensor' has no training rows of one, two: do not trust it on these"
    ]


def test_attach_json(trained: Path, spaner: Run) -> None:
    report = only_json(spaner("attach", "sensor", "--json", cwd=trained))

    assert report["rows"] == {"sensor": 8}
    assert report["concepts"] == 2
    assert report["receipts"] == ["space/aligners/sensor/receipt.json"]


def test_verify_counts_the_files(attached: Path, cold_spaner: Run, spaner: Run) -> None:
    result = cold_spaner("verify", cwd=attached)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == "space: 20 files, every one as its receipts say"

    assert only_json(spaner("verify", "--json", cwd=attached)) == {
        "space": "space",
        "files": 20,
        "problems": [],
    }


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
    assert all(set(hit) == {"rank", "score", "id", "modality", "input", "concept"} for hit in hits)
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


def test_check_counts_rows_and_writes_nothing(project: Path, spaner: Run, tree: Tree) -> None:
    before = tree(project)
    report = only_json(spaner("check", "--json", cwd=project))

    assert report["space_exists"] is False
    assert sorted(report["concepts"]) == ["one", "running", "two", "walking"]
    by_name = {part["name"]: part for part in report["modalities"]}
    assert by_name["sensor"]["training_rows"] == 8
    assert by_name["sensor"]["rows"] == 20
    assert all(part["parameters"] > 1000 for part in by_name.values())
    assert tree(project) == before


def test_check_promises_the_parameters_that_train_trains(project: Path, spaner: Run) -> None:
    promised = only_json(spaner("check", "--json", cwd=project))["modalities"]
    trained = only_json(spaner("train", "--json", cwd=project))["trained_parameters"]
    assert {part["name"]: part["parameters"] for part in promised} == trained


def test_check_prints_a_row_for_each_modality(project: Path, spaner: Run) -> None:
    result = spaner("check", cwd=project)
    assert result.returncode == 0, result.stderr
    assert "not trained yet" in result.stdout
    for name in ("text", "vision", "audio", "sensor"):
        (row,) = [line for line in result.stdout.splitlines() if f" {name} " in line]
        assert re.search(r"[0-9,]+ │$", row)


def test_plugins_lists_what_is_declared_and_in_the_space(
    trained: Path, cold_spaner: Run, tmp_path: Path
) -> None:
    rows = {row["name"]: row for row in only_json(cold_spaner("plugins", "--json", cwd=trained))}
    assert {"text", "vision", "audio", "sensor"} <= set(rows)
    assert rows["vision"]["distribution"] == "spaner-vision"
    assert (rows["vision"]["declared"], rows["vision"]["in_space"]) == (True, True)
    assert (rows["sensor"]["declared"], rows["sensor"]["in_space"]) == (True, False)

    result = cold_spaner("plugins", cwd=tmp_path)
    assert result.returncode == 0, "no plugins.yaml is needed"
    assert "spaner-vision" in result.stdout


def test_tables_fit_eighty_columns(attached: Path, spaner: Run) -> None:
    for command in (
        ("check",),
        ("plugins",),
        ("evaluate",),
        ("search", "two", "--from", "text", "--to", "vision,audio,text"),
    ):
        lines = spaner(*command, cwd=attached).stdout.splitlines()
        assert max(map(len, lines)) <= 130
        table = [line for line in lines if line.startswith(("│", "┃", "┏", "└"))]
        assert max(map(len, table)) <= 80, command


def test_quiet_is_silent(project: Path, spaner: Run) -> None:
    for command in (("train", "text", "vision", "audio"), ("attach", "sensor")):
        result = spaner(*command, "--quiet", cwd=project)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    told = spaner("evaluate", "--quiet", "--map", "map.png", cwd=project)
    assert told.stdout, "what was asked for is still said"
    assert told.stderr == ""
    both = spaner("train", "--overwrite", "--quiet", "--json", cwd=project)
    assert only_json(both)["concepts"] == 4
    assert both.stderr == ""


def test_flags_stand_in_for_the_configuration(
    project: Path, spaner: Run, tmp_path: Path, tree: Tree
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    manifest = (project / "manifest.csv").rename(project / "rows.csv")
    use = ("-c", project / "plugins.yaml", "--manifest", manifest, "--space", "mine")

    report = only_json(
        spaner("train", "text", "vision", *use, "--seed", "3", "--device", "cpu", "--json",
               cwd=elsewhere)
    )  # fmt: skip
    assert report["rows"] == {"text": 24, "vision": 10}
    assert not (project / "space").exists()
    record = json.loads((elsewhere / "mine/aligners/text/config.json").read_text(encoding="utf-8"))
    assert record["training"]["seed"] == 3
    assert only_json(spaner("check", *use, "--json", cwd=elsewhere))["space_exists"] is True
    assert only_json(spaner("evaluate", *use, "--json", cwd=elsewhere))["text_to_vision_map"] > 0
    assert spaner("verify", "--space", "mine", cwd=elsewhere).returncode == 0

    before = tree(elsewhere)
    again = spaner("train", "text", "vision", *use, "--seed", "4", "--overwrite", cwd=elsewhere)
    assert again.returncode == 0, again.stderr
    assert tree(elsewhere).keys() == before.keys(), "overwriting left something behind"
    assert tree(elsewhere) != before


def test_a_manifest_without_splits_is_trained_whole(project: Path, spaner: Run) -> None:
    path = project / "manifest.csv"
    text = path.read_text(encoding="utf-8").replace(",split,", ",part,", 1)
    path.write_text(text, encoding="utf-8")
    report = only_json(spaner("train", "text", "sensor", "--json", cwd=project))
    assert report["rows"] == {"text": 72, "sensor": 20}


@pytest.mark.parametrize(
    "command", ["demo", "train", "attach", "verify", "evaluate", "search", "check", "plugins"]
)
def test_help_shows_an_example(command: str, spaner: Run, tmp_path: Path) -> None:
    result = spaner(command, "--help", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"Example: spaner {command}" in result.stdout


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
