"""Rows with items and no concepts: what needs concepts says so, the rest does without."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.process import python

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]


def give_items(folder: Path, modalities: tuple[str, ...], *, concepts: bool = False) -> None:
    """Have the n-th rows of a concept and split show one thing, and take their concept away."""
    path = folder / "manifest.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    seen: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        row["item"] = ""
        if row["modality"] in modalities:
            place = (row["modality"], row["split"], row["concept"])
            row["item"] = f"{row['split']} {row['concept']} {seen[place]}"
            row["concept"] = row["concept"] if concepts else ""
            seen[place] += 1
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


@pytest.fixture(scope="module")
def paired_project(
    tmp_path_factory: pytest.TempPathFactory, small_project: Path, spaner: Run, configure: Configure
) -> Path:
    """A space of text and vision, trained on items alone; not to be changed."""
    folder = tmp_path_factory.mktemp("items") / "project"
    shutil.copytree(small_project, folder)
    give_items(folder, ("text", "vision", "sensor"))
    configure(folder, {}, "prompt")
    content = yaml.safe_load((folder / "plugins.yaml").read_text(encoding="utf-8"))
    configure(folder, {n: content["modalities"][n] for n in ("text", "vision", "sensor")},
              "modalities")  # fmt: skip
    done = spaner("train", "text", "vision", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "0 concepts" not in done.stdout
    assert "no anchors" in done.stdout
    assert "search looks for the very same thing (pull strength 0)" in done.stdout
    return folder


@pytest.fixture
def paired(tmp_path: Path, paired_project: Path) -> Path:
    return Path(shutil.copytree(paired_project, tmp_path / "paired"))


EMBED = """
import sys
import spaner

space = spaner.load("space")
for strength in (0.0, 0.5):
    for name, inputs in {"text": ["one", "wir laufen"], "vision": [sys.argv[1]]}.items():
        sys.stdout.buffer.write(space.encode(inputs, modality=name, strength=strength).tobytes())
"""


def test_attaching_by_pairs_changes_no_byte_of_what_was_there(
    paired: Path, spaner: Run, tree: Callable[[Path], dict[str, str]]
) -> None:
    def embed() -> str:
        picture = sorted((paired / "vision/test").iterdir())[0]
        done = python(EMBED, str(picture), cwd=paired, encoding="latin-1")
        assert done.returncode == 0, done.stderr
        return done.stdout

    files, vectors = tree(paired / "space"), embed()
    done = spaner("attach", "sensor", cwd=paired)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == "'sensor' attaches by 8 pairs with text"
    assert "trained on 8 pairs with text" in done.stdout
    after = tree(paired / "space")
    assert {name: after[name] for name in files} == files
    assert embed() == vectors
    receipt = json.loads((paired / "space/aligners/sensor/receipt.json").read_text())
    assert receipt["others_before"] == receipt["others_after"]
    assert receipt["others_unchanged"] is True
    assert spaner("verify", cwd=paired).returncode == 0
    assert spaner("attach", "vision", "--replace", "--quiet", cwd=paired).returncode == 0


def test_labels_and_pairs_are_learnt_from_together(
    trained: Path, trained_project: Path, spaner: Run
) -> None:
    give_items(trained, ("text", "sensor"), concepts=True)
    done = spaner("attach", "sensor", "--json", cwd=trained)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["concepts"] == 2
    assert report["pairs"] == {"text": 8}
    assert report["strengths"] == {"thing": 0, "kind": 0.5}
    asked = ("search", "two", "--from", "text", "--to", "sensor", "--json")
    by_thing, at_zero, by_kind = (
        spaner(*asked, *how, cwd=trained)
        for how in (("--same", "thing"), ("--strength", "0"), ("--same", "kind"))
    )
    assert by_thing.returncode == 0, by_thing.stderr
    assert by_thing.stdout == at_zero.stdout
    assert by_thing.stdout != by_kind.stdout


def test_who_was_attached_by_pairs_is_named_when_a_partner_moves_away(
    trained: Path, spaner: Run
) -> None:
    give_items(trained, ("text", "sensor"), concepts=True)
    assert spaner("attach", "sensor", "--quiet", cwd=trained).returncode == 0
    together = spaner("attach", "text", "--replace", cwd=trained)
    assert "'text' attaches by labels and 8 pairs with sensor" in together.stderr
    assert "'sensor' was attached" not in together.stderr
    give_items(trained, (), concepts=True)
    apart = spaner("attach", "text", "--replace", cwd=trained)
    assert apart.returncode == 0, apart.stderr
    assert "'sensor' was attached by 8 pairs with 'text'" in apart.stderr
    assert "spaner attach sensor --replace" in apart.stderr


def test_rows_without_concepts_are_not_attached_to_a_prompt_that_has_some(
    trained: Path, refuses: Refuses
) -> None:
    give_items(trained, ("sensor",))
    said = refuses("attach", "sensor", cwd=trained, says=("'sensor'", "items", "manifest.csv:"))
    assert "one, running, two, walking" in said


def test_nothing_is_shown_of_anchors_that_are_not_there(paired: Path, spaner: Run) -> None:
    told = spaner("prompt", cwd=paired)
    assert told.returncode == 0, told.stderr
    assert "'text'" not in told.stderr
    assert len(told.stdout.splitlines()) == 1
    sample = spaner("prompt", "--sample", "one", "--from", "text", cwd=paired)
    assert sample.stdout == told.stdout
    assert json.loads(spaner("prompt", "--json", cwd=paired).stdout)["anchors"] == []


def test_retrieval_is_shown_once(paired: Path, spaner: Run) -> None:
    told = spaner("evaluate", cwd=paired)
    assert told.returncode == 0, told.stderr
    (title,) = [line for line in told.stdout.splitlines() if line.startswith("Retrieval")]
    assert "by item" in title
    assert told.stdout.count("┃ query  ┃ finds") == 1
    assert "Clusters" not in told.stdout


def test_there_are_no_kinds_to_look_for(paired: Path, refuses: Refuses) -> None:
    find = ("search", "one", "--from", "text", "--to", "vision")
    refuses(*find, "--same", "kind", cwd=paired, says=("the same kind", "no concepts"))


def test_few_pairs_are_drawn_where_there_are_no_labels(paired: Path, spaner: Run) -> None:
    done = spaner(
        "few-shot", "text", "vision", "--shots", "4", "--seeds", "1", "--json", cwd=paired
    )
    assert done.returncode == 0, done.stderr
    assert "pairs are drawn, of 10 items in all" in done.stderr
    report = json.loads(done.stdout)
    assert report["drawn"] == "pairs"
    assert report["labelled_rows"] == {"4": {"text": 4, "vision": 4}}
    assert report["all_labels"]["figures"]["mean_item_recall@1"]["runs"] == 1


def test_what_has_no_effect_is_not_tuned(paired: Path, spaner: Run, configure: Configure) -> None:
    configure(paired, {"text": {}, "vision": {}}, "modalities")
    configure(paired, 3.0, "loss", "anchor_weight")
    done = spaner("tune", "--trials", "1", "--json", cwd=paired)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    best = told["best"]
    assert told["chosen_by"] == "item"
    assert best["anchor_weight"] is None
    assert best["strength"] == 0.5
    tuned = yaml.safe_load((paired / "plugins-tuned.yaml").read_text(encoding="utf-8"))
    assert tuned["loss"] == {"anchor_weight": 3.0}
