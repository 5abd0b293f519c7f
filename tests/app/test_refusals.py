"""Inputs that cannot be used: remembered, tried again when asked, and nobody else's business."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.feature_projects import counts

Run = Callable[..., subprocess.CompletedProcess[str]]
Configure = Callable[..., None]


def spoil(project: Path, modality: str) -> Path:
    """Spoil the first file of a modality."""
    with (project / "manifest.csv").open(encoding="utf-8", newline="") as file:
        path = next(row["input"] for row in csv.DictReader(file) if row["modality"] == modality)
    (project / path).write_bytes(b"x")
    return project / path


def test_a_whole_store_with_a_refused_row_is_read_and_not_written(
    project: Path, spaner: Run, configure: Configure, tree: Callable[[Path], dict[str, str]]
) -> None:
    configure(project, 0.1, "data", "max_unusable")
    spoil(project, "vision")
    assert spaner("train", "text", "vision", "--quiet", cwd=project).returncode == 0
    assert spaner("extract", "text", "vision", "--quiet", cwd=project).returncode == 0
    store = project / "manifest.features"
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    found = spaner("search", "one", "--from", "text", "--to", "vision", "--json", cwd=project)
    assert found.returncode == 0, found.stderr
    assert "cannot be used" in found.stderr
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before


def test_extract_tries_refused_inputs_again(
    project: Path, spaner: Run, configure: Configure
) -> None:
    configure(project, 0.1, "data", "max_unusable")
    spoil(project, "vision")
    spaner("extract", "vision", "--quiet", cwd=project)
    (refused,) = project.glob("manifest.features/vision-*/refused.json")
    reasons = json.loads(refused.read_text(encoding="utf-8"))
    assert len(reasons) == 1
    refused.write_text(json.dumps(dict.fromkeys(reasons, "stale")), encoding="utf-8")
    again = spaner("extract", "vision", "--json", cwd=project)
    assert counts(again.stdout)["vision"]["quarantined"] == 1
    assert json.loads(refused.read_text(encoding="utf-8")) == reasons


def test_a_mended_file_is_used_and_no_longer_put_aside(
    project: Path, spaner: Run, configure: Configure
) -> None:
    configure(project, 0.1, "data", "max_unusable")
    spoiled = spoil(project, "vision")
    spaner("extract", "vision", "--quiet", cwd=project)
    whole = next(path for path in spoiled.parent.glob("*.png") if path != spoiled)
    shutil.copyfile(whole, spoiled)
    done = spaner("train", "text", "vision", "--quiet", cwd=project)
    assert done.returncode == 0, done.stderr
    assert not (project / "space.quarantine.csv").exists()


def test_a_name_that_ends_in_a_number_sign_spoils_no_other_row(project: Path, spaner: Run) -> None:
    with (project / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["modality"] == "vision"]
    with (project / "few.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["modality", "input", "concept"], extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
        table.writerow({**rows[0], "input": rows[0]["input"] + "#"})
    result = spaner("extract", "vision", "--manifest", "few.csv", cwd=project)
    assert result.returncode == 2
    assert f"{rows[0]['input']}#: " in result.stderr
    assert result.stderr.count("no such file") == 1


def test_an_input_longer_than_a_csv_cell_may_be_is_put_aside_time_and_again(
    project: Path, spaner: Run, configure: Configure
) -> None:
    configure(project, 0.5, "data", "max_unusable")
    rows = [{"modality": "text", "input": text, "concept": "one"} for text in ("one", "two")]
    rows.append({"modality": "text", "input": "\n" * 3 + "." * 200_000, "concept": "one"})
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (project / "long.jsonl").write_text(lines, encoding="utf-8")
    for _ in range(2):
        result = spaner("extract", "text", "--manifest", "long.jsonl", "--json", cwd=project)
        assert result.returncode == 0, result.stderr
        assert counts(result.stdout)["text"]["quarantined"] == 1


def test_pruning_spares_the_features_of_inputs_that_are_out_of_reach(
    project: Path, spaner: Run, configure: Configure
) -> None:
    other = Path(shutil.copytree(project, project.parent / "other"))
    for folder in (project, other):
        configure(folder, "../kept", "features", "store")
    names = ("vision", "audio")
    assert spaner("extract", *names, "--quiet", cwd=project).returncode == 0
    (project / "vision").rename(project.parent / "away")
    assert spaner("extract", "audio", "--prune", cwd=other).returncode == 0
    (project.parent / "away").rename(project / "vision")
    again = spaner("extract", *names, "--json", cwd=project)
    assert counts(again.stdout)["vision"]["extracted"] == 0


def test_a_broken_manifest_of_another_project_is_told_and_its_features_stay(
    project: Path, spaner: Run, configure: Configure
) -> None:
    other = Path(shutil.copytree(project, project.parent / "other"))
    for folder in (project, other):
        configure(folder, "../kept", "features", "store")
        assert spaner("extract", "vision", "--quiet", cwd=folder).returncode == 0
    (project / "manifest.csv").write_text('"', encoding="utf-8")
    pruned = spaner("extract", "vision", "--prune", "--json", cwd=other)
    assert pruned.returncode == 0, pruned.stderr
    assert json.loads(pruned.stdout)["pruned"]["rows"] == 0
    assert "was not pruned" in pruned.stderr


def test_a_store_inside_the_space_is_refused(
    project: Path, configure: Configure, refuses: Callable[..., str]
) -> None:
    configure(project, "space/features", "features", "store")
    refuses("extract", cwd=project, says=("plugins.yaml:", "lies in the space"))


def test_a_folder_whose_name_is_no_utf_8_serves(project: Path, spaner: Run) -> None:
    strange = Path(os.fsdecode(os.fsencode(project) + b"-\xff"))
    try:
        project.rename(strange)
    except OSError:
        pytest.skip("this file system wants UTF-8")
    for _ in range(2):
        result = spaner("extract", "vision", "--json", cwd=strange)
        assert result.returncode == 0, result.stderr
    assert counts(result.stdout)["vision"]["extracted"] == 0
