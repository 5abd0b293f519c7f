"""Labels carried to another modality's rows: which, how sure, and what held-back ones say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spaner as product

from tests.app.labelling.carrying import CARRY, edit, read, report, unlabel

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]


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
    assert list(rows[0]) == [
        "id", "modality", "input", "concept", "confidence", "nearest", "evidence", "reason",
        "familiarity",
    ]  # fmt: skip
    assert [row["id"] for row in rows] == list(wanted), "the manifest's order, and no others"
    assert f"{sum(bool(row['concept']) for row in rows)} of 10 samples of 'vision'" in result.stdout
    for row in (rows[0], rows[-1]):
        concept, confidence, nearest = by_hand(trained, row["input"])
        assert row["concept"] == (concept if confidence >= 0.5 else "")
        assert float(row["confidence"]) == pytest.approx(confidence, abs=5e-3)
        assert (row["modality"], row["nearest"]) == ("vision", nearest)
        assert json.loads(row["evidence"])[0] == nearest
        assert (row["reason"], row["familiarity"]) == ("votes" if row["concept"] else "unsure", "")


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
        ((*CARRY, "--min-confidence", "1.5"), ("min_confidence is 1.5",)),
        ((*CARRY, "--min-confidence", "nan"), ("min_confidence is nan",)),
        ((*CARRY, "--target-accuracy", "1"), ("target_accuracy is 1.0",)),
        (
            (*CARRY, "--min-confidence", "0.5", "--target-accuracy", "0.5"),
            ("min_confidence and target_accuracy",),
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
