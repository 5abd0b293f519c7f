"""What measures a space: rows that say what they show, and whether they were trained on."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]
Rows = list[dict[str, str]]


def read(manifest: Path) -> Rows:
    with manifest.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(manifest: Path, rows: Rows) -> None:
    with manifest.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def without_labels(rows: Rows, *, split: str, every: int = 1) -> Rows:
    """Empty the concept of every so-many-th row of a split."""
    places = [place for place, row in enumerate(rows) if row["split"] == split][::every]
    return [{**row, "concept": ""} if place in places else row for place, row in enumerate(rows)]


def figures(spaner: Run, folder: Path, *more: str) -> tuple[dict[str, Any], str]:
    done = spaner("evaluate", "--json", *more, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_rows_without_a_label_measure_nothing(trained: Path, spaner: Run) -> None:
    rows = read(trained / "manifest.csv")
    emptied = without_labels(rows, split="test", every=2)
    write(trained / "half.csv", emptied)
    write(trained / "fewer.csv", [row for row in emptied if row["concept"]])
    half, said = figures(spaner, trained, "--manifest", "half.csv")
    fewer, _ = figures(spaner, trained, "--manifest", "fewer.csv")
    assert half == fewer
    pictures = [row for row in emptied if row["modality"] == "vision" and row["split"] == "test"]
    unlabelled = sum(not row["concept"] for row in pictures)
    assert (
        f"{unlabelled} of {len(pictures)} rows of 'vision' in split 'test' have neither concept"
        in said
    )


def test_a_calibration_needs_no_labels_of_the_other_rows(trained: Path, spaner: Run) -> None:
    """An unlabelled row of a query's own concept is no match that was wrongly accepted."""
    rows = read(trained / "manifest.csv")
    pictures = [row for row in rows if row["modality"] == "vision" and row["split"] == "test"]
    more = [{**row, "split": "validation", "concept": ""} for row in pictures]
    write(trained / "more.csv", rows + [{**row, "id": f"more-{n}"} for n, row in enumerate(more)])

    def pairs(*given: str) -> Any:
        done = spaner("calibrate", "--json", "--false-accept", "0.3", *given, cwd=trained)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["calibration"]["pairs"]

    assert pairs() == pairs("--manifest", "more.csv", "--overwrite")


def test_a_split_without_any_label_measures_and_calibrates_nothing(
    trained: Path, spaner: Run, refuses: Callable[..., str]
) -> None:
    rows = read(trained / "manifest.csv")
    for split, command in {
        "validation": ["calibrate"],
        "test": ["few-shot", "--seeds", "1"],
    }.items():
        write(trained / "none.csv", without_labels(rows, split=split))
        told = refuses(*command, "--manifest", "none.csv", cwd=trained)
        assert f"rows with a concept or an item in split '{split}': none" in told
    assert not list(trained.glob("*.calibration.*"))


def test_rows_that_were_trained_on_are_counted(trained: Path, spaner: Run) -> None:
    rows = read(trained / "manifest.csv")
    again = [
        {**row, "split": "test", "id": f"again-{row['id']}", "input": f"./{row['input']}"}
        for row in rows
        if row["modality"] == "vision" and row["split"] == "train"
    ]
    write(trained / "again.csv", rows + again)
    _, said = figures(spaner, trained, "--manifest", "again.csv")
    tested = sum((row["modality"], row["split"]) == ("vision", "test") for row in rows + again)
    assert (
        f"{len(again)} of {tested} rows of 'vision' in split 'test' repeat rows that are trained on"
    ) in said
    _, said = figures(spaner, trained)
    assert "trained on" not in said
    _, said = figures(spaner, trained, "--split", "train")
    assert "split 'train' is what is trained on" in said


def test_a_calibration_without_its_split_says_what_to_add(
    trained: Path, refuses: Callable[..., str]
) -> None:
    rows = read(trained / "manifest.csv")
    write(trained / "two.csv", [row for row in rows if row["split"] != "validation"])
    told = refuses("calibrate", "--manifest", "two.csv", cwd=trained)
    assert "give some of them split validation" in told
    write(trained / "bare.csv", [{**row, "split": ""} for row in rows])
    told = refuses("calibrate", "--manifest", "bare.csv", cwd=trained)
    assert "its splits are: none" in told
    assert "give some of them split validation" in told
