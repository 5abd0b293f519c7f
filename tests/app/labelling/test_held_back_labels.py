"""Labels are held back to measure what carried ones are worth, and to choose the threshold."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.app.labelling.carrying import CARRY, edit, read, report, unlabel

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]


def test_held_back_labels_measure_what_carried_ones_are_worth(trained: Path, spaner: Run) -> None:
    truth = {row["id"]: row["concept"] for row in read(trained / "manifest.csv")}
    found = report(spaner, *CARRY, "--check", "--split", "test", cwd=trained)

    assert found["measured_on"] == ["test"]
    kept = [label for label in found["labels"] if label["concept"]]
    right = [label["concept"] == truth[label["id"]] for label in kept]
    measured = found["measured"]
    assert (measured["rows"], measured["kept"]) == (10, len(kept))
    assert measured["coverage"] == pytest.approx(len(kept) / 10)
    assert measured["accuracy"] == pytest.approx(np.mean(right))
    assert sum(part["rows"] for part in measured["bins"]) == 10
    told = spaner(*CARRY, "--check", "--split", "test", cwd=trained)
    assert "Held-back labels of 10 samples (split test)" in told.stdout


def test_labels_that_were_trained_on_are_measured_only_when_asked(
    trained: Path, spaner: Run
) -> None:
    found = report(spaner, *CARRY, "--check", cwd=trained)
    assert found["measured_on"] == ["test", "validation"]
    assert len(found["labels"]) == found["measured"]["rows"] == 20

    asked = report(spaner, *CARRY, "--check", "--split", "train", cwd=trained)
    assert (asked["measured_on"], asked["measured"]["rows"]) == (["train"], 10)
    assert any("were trained on" in notice for notice in asked["notices"])


def test_without_splits_nothing_is_measured(trained: Path, spaner: Run, refuses: Refuses) -> None:
    unlabel(trained)
    edit(trained, lambda row: row | {"split": ""})
    found = report(spaner, *CARRY, cwd=trained)
    assert found["measured"] is None
    assert any("nothing was measured" in notice for notice in found["notices"])
    assert len(found["labels"]) == 10
    refuses(*CARRY, "--target-accuracy", "0.8", cwd=trained, says=("validation", "none"))
    edit(trained, lambda row: row | {"concept": row["concept"] or "two"})
    refuses(*CARRY, "--check", cwd=trained, says=("'vision'", "--split train"))


def test_a_row_of_the_same_item_has_no_vote_for_a_held_back_label(
    trained: Path, spaner: Run
) -> None:
    (first, *_) = report(spaner, *CARRY, "--check", "--split", "test", cwd=trained)["labels"]
    pair = (first["id"], first["nearest"])
    edit(trained, lambda row: row | {"item": "a pair" if row["id"] in pair else ""})

    (held, *_) = report(spaner, *CARRY, "--check", "--split", "test", cwd=trained)["labels"]
    assert held["id"] == first["id"]
    assert held["nearest"] != first["nearest"]
    unlabel(trained)
    (free, *_) = report(spaner, *CARRY, "--split", "test", cwd=trained)["labels"]
    assert free["nearest"] == first["nearest"], "where the label is unknown, its item's is welcome"


def test_no_sample_votes_for_itself(trained: Path, spaner: Run) -> None:
    found = report(spaner, "propagate", "--from", "text", "--to", "text", "--check",
                   "--split", "train", cwd=trained)  # fmt: skip
    assert len(found["labels"]) == 24
    assert all(label["nearest"] != label["id"] for label in found["labels"])


def test_the_threshold_is_chosen_on_validation_alone(trained: Path, spaner: Run) -> None:
    truth = {row["id"]: row["concept"] for row in read(trained / "manifest.csv")}
    every = report(spaner, *CARRY, "--check", "--split", "validation", "--min-confidence", "0",
                   cwd=trained)["labels"]  # fmt: skip
    reaching = []
    for threshold in (label["confidence"] for label in every):
        kept = [label for label in every if label["confidence"] >= threshold]
        if len(kept) >= 2 and np.mean([x["concept"] == truth[x["id"]] for x in kept]) >= 0.5:
            reaching.append(threshold)

    chosen = report(spaner, *CARRY, "--check", "--target-accuracy", "0.5", cwd=trained)
    assert chosen["min_confidence"] == min(reaching)
    assert chosen["measured_on"] == ["test"]
    told = spaner(*CARRY, "--check", "--split", "validation", "--target-accuracy", "0.5",
                  cwd=trained)  # fmt: skip
    assert "note: the threshold was chosen on the rows measured" in told.stderr

    swap = {"one": "two", "two": "one"}
    edit(trained, lambda r: r | {"concept": swap.get(r["concept"], "one")}
         if r["split"] == "test" else r)  # fmt: skip
    again = report(spaner, *CARRY, "--check", "--target-accuracy", "0.5", cwd=trained)
    assert again["min_confidence"] == chosen["min_confidence"]


def test_a_threshold_that_cannot_be_chosen_is_refused(trained: Path, refuses: Refuses) -> None:
    ask = (*CARRY, "--check", "--output", "carried.csv", "--target-accuracy")
    refuses(*ask, "0.95", cwd=trained, says=("got 10 rows", "at least 20", "validation"))
    swap = {"one": "two", "two": "one"}
    edit(trained, lambda r: r | {"concept": swap.get(r["concept"], r["concept"])}
         if (r["modality"], r["split"]) == ("vision", "validation") else r)  # fmt: skip
    refuses(*ask, "0.9", cwd=trained, says=("no threshold reaches", "ask for less"))
    unlabel(trained, "validation")
    refuses(*ask, "0.5", cwd=trained, says=("'validation'", "--min-confidence"))
