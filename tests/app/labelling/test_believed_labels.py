"""Labels that say what they rest on, and that strange rows do not get."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.labelling.carrying import CARRY, edit, read, report, unlabel

Run = Callable[..., subprocess.CompletedProcess[str]]
TO_TEXT = ("propagate", "--from", "vision", "--to", "text", "--min-confidence", "0")
TEXTS = {"strange": "qxv jqz wkq, yyk?", "known": "the digit two"}


def add_texts(folder: Path) -> None:
    """Add texts without a concept."""
    columns = list(read(folder / "manifest.csv")[0])
    with (folder / "manifest.csv").open("a", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, restval="")
        table.writerows({"id": i, "modality": "text", "input": t} for i, t in TEXTS.items())


def test_an_unfamiliar_text_gets_no_label_unless_its_item_has_one(
    trained: Path, spaner: Run
) -> None:
    add_texts(trained)
    unjudged = report(spaner, *TO_TEXT, cwd=trained)
    assert any("no calibration says which rows of 'text'" in n for n in unjudged["notices"])
    assert all(label["concept"] and label["familiarity"] is None for label in unjudged["labels"])

    assert spaner("calibrate", "--quiet", cwd=trained).returncode == 0
    found = {label["id"]: label for label in report(spaner, *TO_TEXT, cwd=trained)["labels"]}
    strange, known = found["strange"], found["known"]
    assert (strange["concept"], strange["reason"]) == (None, "unfamiliar")
    assert strange["familiarity"] <= 0.05 < known["familiarity"]
    assert known["reason"] == "votes"
    assert len(strange["evidence"]) == 3
    told = spaner(*TO_TEXT, cwd=trained)
    assert "below confidence 0 or unfamiliar (1)" in " ".join(told.stdout.split())
    assert "no calibration" not in told.stderr

    pictures = [
        row for row in read(trained / "manifest.csv")
        if (row["modality"], row["split"]) == ("vision", "train")
    ]  # fmt: skip
    pair = (pictures[0]["id"], "strange")
    edit(trained, lambda row: row | {"item": "a pair" if row["id"] in pair else ""})
    found = {label["id"]: label for label in report(spaner, *TO_TEXT, cwd=trained)["labels"]}
    assert found["strange"]["concept"] == pictures[0]["concept"]
    assert found["strange"]["reason"] == "item"


def test_an_item_whose_rows_disagree_carries_no_label(trained: Path, spaner: Run) -> None:
    unlabel(trained)
    ask = (*CARRY, "--split", "test")
    (first, *_) = report(spaner, *ask, cwd=trained)["labels"]
    texts: dict[str, str] = {}
    for row in read(trained / "manifest.csv"):
        giving = (row["modality"], row["split"]) == ("text", "train")
        if giving and row["concept"] != first["concept"]:
            texts.setdefault(row["concept"], row["id"])
    one, other, *_ = texts.values()
    edit(trained, lambda r: r | {"item": "x" if r["id"] in (first["id"], one) else ""})
    (agreed, *_) = report(spaner, *ask, cwd=trained)["labels"]
    assert (agreed["reason"], agreed["concept"]) == ("item", next(iter(texts)))
    assert agreed["confidence"] == first["confidence"], "what the votes say is kept beside it"

    edit(trained, lambda r: r | {"item": "x"} if r["id"] == other else r)
    (torn, *_) = report(spaner, *ask, cwd=trained)["labels"]
    assert torn == first, "the votes decide, as without an item"


def test_the_accuracy_to_expect_is_that_of_validation_rows(trained: Path, spaner: Run) -> None:
    truth = {row["id"]: row["concept"] for row in read(trained / "manifest.csv")}
    ask = (*CARRY, "--check", "--min-confidence", "0.5")
    found = report(spaner, *ask, "--split", "test", cwd=trained)
    labels = report(spaner, *ask, "--split", "validation", cwd=trained)["labels"]
    kept = [label for label in labels if label["concept"]]
    right = sum(label["concept"] == truth[label["id"]] for label in kept)
    expected = found["expected"]
    assert (expected["rows"], expected["kept"]) == (len(labels), len(kept))
    assert expected["accuracy"] == pytest.approx(right / len(kept))
    assert expected["low"] < expected["accuracy"] <= expected["high"]
    assert {label["id"] for label in found["labels"]}.isdisjoint(label["id"] for label in labels)

    told = spaner(*ask, "--split", "test", cwd=trained)
    line = (
        f"Expected accuracy of the labels by votes: {expected['accuracy']:.3f}, 95% interval "
        f"{expected['low']:.3f} to {expected['high']:.3f} ({len(kept)} labels of {len(labels)} "
        "validation samples)"
    )
    assert line in " ".join(told.stdout.split())

    unlabel(trained, "validation")
    told = spaner(*ask, "--split", "test", cwd=trained)
    assert "Expected accuracy" not in told.stdout


def test_a_calibration_of_another_aligner_calls_no_row_unfamiliar(
    trained: Path, spaner: Run
) -> None:
    add_texts(trained)
    assert spaner("calibrate", "--quiet", cwd=trained).returncode == 0
    again = ("train", "text", "vision", "audio", "--overwrite", "--seed", "1", "--quiet")
    assert spaner(*again, cwd=trained).returncode == 0
    found = report(spaner, *TO_TEXT, cwd=trained)
    assert any("is stale" in notice and "'text'" in notice for notice in found["notices"])
    assert all(label["concept"] and label["familiarity"] is None for label in found["labels"])
