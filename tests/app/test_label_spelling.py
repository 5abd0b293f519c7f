"""Names of one thing in several spellings: one Unicode form, and what else differs is said."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from spaner import load
from spaner_core.space.prompts import save_extension
from spaner_core.space.records import BlockRecord

Run = Callable[..., subprocess.CompletedProcess[str]]

APART, WHOLE = "Pra\u0308zision", "Pr\u00e4zision"
"""One name in two Unicode forms; the second is composed."""


def rename(folder: Path, column: str, old: str, new: Callable[[dict[str, str]], str]) -> None:
    """Give `column` another value in the manifest's rows that have `old` there."""
    path = folder / "manifest.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(row | {column: new(row)} if row[column] == old else row for row in rows)


def test_labels_of_two_unicode_forms_are_one_concept(project: Path, spaner: Run) -> None:
    forms = {"text": WHOLE, "vision": APART}
    rename(project, "concept", "two", lambda row: forms.get(row["modality"], WHOLE))
    labels = (project / "labels.csv").read_text(encoding="utf-8")
    (project / "labels.csv").write_text(labels.replace("two,", f"{APART},"), encoding="utf-8")
    result = spaner("check", "--json", cwd=project)
    report = json.loads(result.stdout)
    assert report["concepts"] == [WHOLE, "one", "running", "walking"]
    assert [m["concepts"] for m in report["modalities"] if m["name"] == "vision"] == [2]
    assert not [note for note in report["notices"] if "zision" in note]


def test_labels_that_only_look_alike_are_pointed_out(trained: Path, spaner: Run) -> None:
    spellings = {"vision": "Two", "audio": "two\u200b", "text": "two", "sensor": "two"}
    rename(trained, "concept", "two", lambda row: spellings[row["modality"]])
    rename(trained, "split", "test", lambda row: "Train")
    for command in (["check"], ["train", "--overwrite"]):
        result = spaner(*command, cwd=trained)
        assert result.returncode == 0, result.stderr
        said = " ".join(result.stderr.split())
        assert "concepts 'Two' and 'two' and 'two\\u200b', splits 'Train' and 'train'" in said


@pytest.fixture
def decomposed(trained: Path) -> Path:
    """A project whose space has got the anchor of a concept that is not composed."""
    space = load(trained / "space")
    record = BlockRecord(
        concepts=(APART,),
        label_texts={APART: (APART,)},
        anchors="labels",
        previous=space.fingerprint,
    )
    embedded = torch.linspace(-1, 1, space.prompt.label_mean.numel())[None]  # any will do
    anchors = space.prompt.later_anchors(embedded)
    save_extension(trained / "space", record, anchors=anchors, label_embeddings=embedded)
    return trained


def test_an_anchor_in_another_unicode_form_is_the_concepts_own(
    decomposed: Path,
    spaner: Run,
    refuses: Callable[..., str],
    tree: Callable[[Path], dict[str, str]],
) -> None:
    refuses("extend", WHOLE, cwd=decomposed, says=("already",))
    refuses("extend", APART, cwd=decomposed, says=("already",))
    before = tree(decomposed / "space/prompt")
    rename(decomposed, "concept", "walking", lambda row: WHOLE)
    assert "no anchor" not in spaner("check", cwd=decomposed).stderr
    result = spaner("attach", "sensor", "--json", cwd=decomposed)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["concepts"] == 2
    assert tree(decomposed / "space/prompt") == before
    assert spaner("verify", cwd=decomposed).returncode == 0


def test_a_concept_that_looks_like_an_anchors_is_refused_with_both(
    trained: Path, refuses: Callable[..., str]
) -> None:
    rename(trained, "concept", "walking", lambda row: "Walking\u00ad")
    said = refuses("attach", "sensor", cwd=trained, says=("no anchor",))
    assert "concepts 'Walking\\xad' and 'walking'" in " ".join(said.split())


def test_new_concepts_are_composed_and_may_hold_what_the_manifest_may(
    trained: Path, spaner: Run
) -> None:
    joined = "\u0645\u06cc\u200c\u0631"  # a Persian word with a joiner that cannot be seen
    result = spaner("extend", APART, joined, "TWO", "--json", cwd=trained)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["concepts"] == [WHOLE, joined, "TWO"]
    assert "concepts 'TWO' and 'two'" in result.stderr


def test_a_split_is_asked_for_in_either_form(attached: Path, spaner: Run) -> None:
    rename(attached, "split", "test", lambda row: APART)
    for form in (APART, WHOLE):
        result = spaner("evaluate", "--split", form, "--json", cwd=attached)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["primary_metric"] is not None
