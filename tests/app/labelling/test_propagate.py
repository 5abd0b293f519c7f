"""Labels carried to another modality's rows: which, how sure, and what held-back ones say."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spaner as product

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]
Table = list[dict[str, str]]

CARRY = ("propagate", "--from", "text", "--to", "vision")


def read(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def edit(folder: Path, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Rewrite the manifest, each row as `change` gives it; None drops it."""
    rows = [new for row in read(folder / "manifest.csv") if (new := change(dict(row)))]
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def unlabel(folder: Path, split: str = "test") -> dict[str, str]:
    """Take the concepts of a split's images away; return them by id."""
    taken = {}

    def change(row: dict[str, str]) -> dict[str, str]:
        if (row["modality"], row["split"]) == ("vision", split):
            taken[row["id"]] = row["concept"]
            row["concept"] = ""
        return row

    edit(folder, change)
    return taken


def report(run: Run, *arguments: object, cwd: Path) -> Any:
    result = run(*arguments, "--json", cwd=cwd)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def by_hand(folder: Path, picture: str, k: int = 10) -> tuple[str, float, str]:
    """Concept, confidence and nearest text of one image, from embeddings made anew."""
    space = product.load(folder / "space")
    texts = [
        row
        for row in read(folder / "manifest.csv")
        if (row["modality"], row["split"]) == ("text", "train")
    ]
    image = space.encode([folder / picture], modality="vision")
    cosines = space.similarity(image, space.encode([t["input"] for t in texts], modality="text"))[0]
    votes = {}
    for concept in {text["concept"] for text in texts}:
        own = [c for c, text in zip(cosines, texts, strict=True) if text["concept"] == concept]
        votes[concept] = np.mean(np.exp(np.sort(own)[-k:] / 0.07))
    best = max(votes, key=lambda concept: votes[concept])
    nearest = texts[int(cosines.argmax())]["id"]
    return best, float(votes[best] / sum(votes.values())), nearest


def test_unlabelled_images_get_the_concepts_of_texts_in_a_file(trained: Path, spaner: Run) -> None:
    wanted = unlabel(trained)
    result = spaner(*CARRY, "--output", "new/carried.csv", "--min-confidence", "0.5", cwd=trained)

    assert result.returncode == 0, result.stderr
    assert "note: labels written to new/carried.csv" in result.stderr
    assert "'vision' has no training rows of running, walking: do not trust it" in result.stderr
    rows = read(trained / "new/carried.csv")
    assert [path.name for path in (trained / "new").iterdir()] == ["carried.csv"]
    assert list(rows[0]) == ["id", "modality", "input", "concept", "confidence", "nearest"]
    assert [row["id"] for row in rows] == list(wanted), "the manifest's order, and no others"
    assert f"{sum(bool(row['concept']) for row in rows)} of 10 samples of 'vision'" in result.stdout
    for row in (rows[0], rows[-1]):
        concept, confidence, nearest = by_hand(trained, row["input"])
        assert row["concept"] == (concept if confidence >= 0.5 else "")
        assert float(row["confidence"]) == pytest.approx(confidence, abs=5e-3)
        assert (row["modality"], row["nearest"]) == ("vision", nearest)


def test_labels_less_sure_than_asked_are_left_out(trained: Path, spaner: Run) -> None:
    unlabel(trained)
    every = report(spaner, *CARRY, "--min-confidence", "0", cwd=trained)["labels"]
    middle = sorted(label["confidence"] for label in every)[5]
    some = report(spaner, *CARRY, "--min-confidence", middle, cwd=trained)["labels"]

    assert all(label["concept"] for label in every)
    assert [label["concept"] for label in some] == [
        label["concept"] if label["confidence"] >= middle else None for label in every
    ]
    assert 0 < sum(label["concept"] is None for label in some) < 10


def test_only_texts_that_were_trained_on_or_have_no_split_give_labels(
    trained: Path, spaner: Run, refuses: Refuses
) -> None:
    unlabel(trained)
    giving = {r["id"] for r in read(trained / "manifest.csv") if r["id"].startswith("text-")}
    splits = {r["id"]: r["split"] for r in read(trained / "manifest.csv")}
    found = report(spaner, *CARRY, cwd=trained)
    assert found["givers"] == sum(splits[name] == "train" for name in giving)
    assert {splits[label["nearest"]] for label in found["labels"]} == {"train"}

    edit(trained, lambda r: r | {"split": "" if r["id"].startswith("text-") else r["split"]})
    assert report(spaner, *CARRY, cwd=trained)["givers"] == len(giving)
    edit(trained, lambda r: r | {"split": r["split"] or "test"})
    refuses(*CARRY, cwd=trained, says=("'text'", "no label to give"))


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


def test_policy_links_say_who_takes_labels_from_whom(
    trained: Path, spaner: Run, refuses: Refuses, configure: Configure
) -> None:
    configure(trained, {"vision": ["text"]}, "policy", "links")
    assert spaner(*CARRY, "--check", cwd=trained).returncode == 0
    refuses("propagate", "--from", "vision", "--to", "text", "--check", cwd=trained,
            says=("plugins.yaml:", "'text'", "'vision'", "policy"))  # fmt: skip
    configure(trained, {"text": ["vision"]}, "policy", "links")
    refuses(*CARRY, "--check", cwd=trained, says=("plugins.yaml:", "'vision'", "'text'"))


def test_an_output_is_replaced_only_when_asked(
    trained: Path, spaner: Run, refuses: Refuses
) -> None:
    write = (*CARRY, "--check", "--output")
    (trained / "carried.csv").write_text("mine", encoding="utf-8")
    refuses(*write, "carried.csv", cwd=trained, says=("carried.csv exists", "--overwrite"))
    done = spaner(*write, "carried.csv", "--overwrite", cwd=trained)
    assert done.returncode == 0, done.stderr
    assert len(read(trained / "carried.csv")) == 20
    for name in ("manifest.csv", "labels.csv", "vision/../manifest.csv"):
        refuses(*write, name, "--overwrite", cwd=trained, says=(name, "reads that file itself"))
    for name in ("vision", "carried.txt", "manifest.csv/carried.csv"):
        refuses(*write, name, "--overwrite", cwd=trained, says=(name.split("/")[0],))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (CARRY, ("'vision'", "--check")),
        ((*CARRY, "--split", "test"), ("'vision'", "'test'", "--check")),
        ((*CARRY, "--split", "tset"), ("'tset'", "test")),
        ((*CARRY, "--min-confidence", "1.5"), ("--min-confidence is 1.5",)),
        ((*CARRY, "--min-confidence", "nan"), ("--min-confidence is nan",)),
        ((*CARRY, "--target-accuracy", "1"), ("--target-accuracy is 1.0",)),
        (
            (*CARRY, "--min-confidence", "0.5", "--target-accuracy", "0.5"),
            ("--min-confidence", "--target-accuracy"),
        ),
        ((*CARRY, "-k", "0"), ("-k", "0")),
        (("propagate", "--from", "text", "--to", "smell"), ("'smell'",)),
        (("propagate", "--from", "smell", "--to", "vision"), ("'smell'",)),
        (("propagate", "--from", "text", "--to", "sensor"), ("'sensor'", "attach")),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_wrong_request_is_refused(
    arguments: tuple[str, ...], says: tuple[str, ...], trained: Path, refuses: Refuses
) -> None:
    refuses(*arguments, cwd=trained, says=says)


def test_an_image_that_cannot_be_read_is_put_aside(
    trained: Path, spaner: Run, configure: Configure
) -> None:
    configure(trained, 0.5, "data", "max_unusable")
    broken = next(iter(sorted((trained / "vision/test").iterdir())))
    broken.write_bytes(b"no image")
    result = spaner(*CARRY, "--check", "--split", "test", "--json", cwd=trained)
    assert result.returncode == 0, result.stderr
    assert "1 row of 'vision' cannot be used" in result.stderr
    inputs = [label["input"] for label in json.loads(result.stdout)["labels"]]
    assert len(inputs) == 9
    assert broken.relative_to(trained).as_posix() not in inputs
