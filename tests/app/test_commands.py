from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.answers import notes, only_json

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
Tree = Callable[[Path], dict[str, str]]


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
    last = result.stdout.splitlines()[-1]
    assert re.fullmatch(r"to train: 20 steps, about \d+ (s|min) on one thread", last)


def test_check_looks_at_the_modalities_that_are_named(project: Path, spaner: Run) -> None:
    for row in (project / "vision").rglob("*.png"):
        row.write_bytes(b"")  # as many as would refuse a training
    report = only_json(spaner("check", "sensor", "text", "--json", cwd=project))
    assert [part["name"] for part in report["modalities"]] == ["text", "sensor"]
    newcomer = only_json(spaner("check", "sensor", "--labels", "--json", cwd=project))
    assert newcomer["modalities"] == report["modalities"][1:]
    assert newcomer["labels"]["judged"] == 8
    wrong = spaner("check", "smell", cwd=project)
    assert (wrong.returncode, "'smell'" in wrong.stderr) == (2, True)
    assert spaner("check", "vision", cwd=project).returncode == 2


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
    assert _places(tree(elsewhere)) == _places(before), "overwriting left something behind"
    assert tree(elsewhere) != before


def _places(found: dict[str, str]) -> list[str]:
    """Name files; what a training has seen is named by the aligner that it made."""
    return sorted(re.sub(r"\.seen/\w+", ".seen/aligner", path) for path in found)


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
