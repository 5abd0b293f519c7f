"""What `spaner prompt` says of anchors, of the rows that attend to them, and of one input."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file
from spaner.evaluation.attention import token_names
from spaner.project import Project
from spaner_core.contract.modality import FeatureSpec
from spaner_registry.config.settings import read_config

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]

CONCEPTS = ["one", "running", "two", "walking"]
TOKENS = ("modalities", "vision", "aligner", "token_attention")


def told(run: Run, *arguments: object, cwd: Path) -> Any:
    result = run("prompt", *arguments, "--json", cwd=cwd)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def picture(folder: Path) -> Path:
    return sorted((folder / "vision" / "test").iterdir())[0]


def repeat_a_row(folder: Path, concept: str) -> None:
    """Give the first text of the test split, a "one", a second concept."""
    path = folder / "manifest.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first = next(r for r in rows if (r["modality"], r["split"]) == ("text", "test"))
    assert first["concept"] != concept
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows([*rows, first | {"concept": concept}])


def weights_by_sample(folder: Path, name: str) -> list[tuple[set[str], np.ndarray]]:
    """Every test sample's concepts and its weights over the anchors."""
    project = Project(read_config(folder / "plugins.yaml"))
    rows = project.manifest.select(name, "test").having("concept", CONCEPTS)
    concepts: dict[str, set[str]] = {}
    for row in rows:
        concepts.setdefault(row.id, set()).add(str(row.concept))
    once = rows.samples
    features = project.features(name, once).features
    batches = project.space.align(name, features)
    weights = np.concatenate([batch.weights.numpy() for batch in batches])
    return [(concepts[row.id], w) for row, w in zip(once, weights, strict=True)]


def test_each_anchor_has_its_texts_its_block_and_its_nearest(trained: Path, spaner: Run) -> None:
    shown = told(spaner, cwd=trained)
    anchors = load_file(trained / "space/prompt/model.safetensors")["anchors"]
    likeness = anchors @ anchors.T - 2 * np.eye(4)
    texts: dict[str, list[str]] = {}
    with (trained / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            texts.setdefault(row["concept"], []).append(row["text"])

    assert [anchor["concept"] for anchor in shown["anchors"]] == CONCEPTS
    assert shown["made_from"] == "labels"
    assert shown["sample"] is None
    for place, anchor in enumerate(shown["anchors"]):
        assert anchor["block"] == 1
        assert anchor["texts"] == texts[anchor["concept"]]
        assert anchor["nearest"] == CONCEPTS[likeness[place].argmax()]
        assert anchor["cosine"] == pytest.approx(likeness[place].max(), abs=1e-6)


def test_what_rows_give_the_anchors_equals_a_slow_loop(trained: Path, spaner: Run) -> None:
    repeat_a_row(trained, "two")
    shown = told(spaner, cwd=trained)
    assert shown["split"] == "test"
    assert list(shown["modalities"]) == ["audio", "text", "vision"]
    for name, attending in shown["modalities"].items():
        samples = weights_by_sample(trained, name)
        first = [CONCEPTS[int(weights.argmax())] in own for own, weights in samples]
        assert attending["rows"] == len(samples)
        assert attending["own_first"] == pytest.approx(np.mean(first))
        for place, anchor in enumerate(shown["anchors"]):
            said = anchor["attended"][name]
            own = [float(w[place]) for concepts, w in samples if anchor["concept"] in concepts]
            others = {
                other: np.mean([w[place] for concepts, w in samples
                                if other in concepts and anchor["concept"] not in concepts])
                for other in CONCEPTS
                if any(other in c and anchor["concept"] not in c for c, _ in samples)
            }  # fmt: skip
            assert said["rows"] == len(own)
            assert said["own"] == (pytest.approx(np.mean(own)) if own else None)
            assert said["strays"] == pytest.approx(others)
            weights = list(said["strays"].values())
            assert weights == sorted(weights, reverse=True)
    assert shown["modalities"]["text"]["rows"] == 24, "a sample of two concepts counts once"


def test_the_tables_say_what_the_json_says(trained: Path, spaner: Run) -> None:
    shown = told(spaner, "--split", "validation", cwd=trained)
    result = spaner("prompt", "--split", "validation", cwd=trained)
    assert result.returncode == 0, result.stderr
    assert "4 anchors, made from these texts" in result.stdout
    assert "rows of split validation" in result.stdout
    for anchor in shown["anchors"]:
        own = anchor["attended"]["audio"]["own"]
        assert f"│ {anchor['concept']:<7} │ {own:.3f} │" in result.stdout
    for name, attending in shown["modalities"].items():
        assert f"│ {name:<8} │ {attending['rows']:>4} │ {attending['own_first']:.3f}" in (
            result.stdout
        )


def test_later_anchors_stand_in_their_block_and_are_read_by_nobody_yet(
    trained: Path, spaner: Run
) -> None:
    assert spaner("extend", "tai chi", cwd=trained).returncode == 0
    shown = told(spaner, cwd=trained)
    last = shown["anchors"][-1]
    assert (last["concept"], last["block"], last["texts"]) == ("tai chi", 2, ["tai chi"])
    assert last["attended"] == {}
    assert {m["anchors"] for m in shown["modalities"].values()} == {4}
    assert "│ tai chi" in spaner("prompt", cwd=trained).stdout

    repeat_a_row(trained, "tai chi")
    assert told(spaner, cwd=trained)["modalities"]["text"]["unseen"] == ["tai chi"]
    noted = spaner("prompt", cwd=trained).stderr
    assert "'text' has seen no labelled row of tai chi: do not trust its weights there" in noted


def test_random_anchors_were_made_of_no_text(
    project: Path, spaner: Run, configure: Configure
) -> None:
    configure(project, "random", "prompt", "anchors")
    assert spaner("train", "text", "vision", cwd=project).returncode == 0
    shown = told(spaner, cwd=project)
    assert shown["made_from"] == "random"
    assert [anchor["texts"] for anchor in shown["anchors"]] == [[], [], [], []]
    assert "4 anchors, random" in spaner("prompt", cwd=project).stdout


def test_modalities_that_cannot_be_looked_at_are_named(trained: Path, spaner: Run) -> None:
    (trained / "space/aligners/audio/config.json").write_text("{}", encoding="utf-8")
    config = yaml.safe_load((trained / "plugins.yaml").read_text(encoding="utf-8"))
    del config["modalities"]["vision"]
    (trained / "plugins.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    lines = (trained / "manifest.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("vision-")]
    (trained / "manifest.csv").write_text("".join(kept), encoding="utf-8")

    result = spaner("prompt", "--json", cwd=trained)
    assert result.returncode == 0, result.stderr
    shown = json.loads(result.stdout)
    assert list(shown["modalities"]) == ["text"]
    assert "aligners/audio" in shown["left_out"]["audio"]
    assert "does not declare" in shown["left_out"]["vision"]
    assert "note: 'vision' is left out: " in result.stderr


def test_rows_of_a_manifest_without_splits_are_all_looked_at(trained: Path, spaner: Run) -> None:
    path = trained / "manifest.csv"
    lines = path.read_text(encoding="utf-8").replace(",test,", ",,").replace(",train,", ",,")
    path.write_text(lines.replace(",validation,", ",,"), encoding="utf-8")
    result = spaner("prompt", "--json", cwd=trained)
    shown = json.loads(result.stdout)
    assert (shown["split"], shown["modalities"]["vision"]["rows"]) == (None, 30)
    assert "note: the manifest has no splits: these rows were trained on too" in result.stderr


@pytest.mark.parametrize("modality", ["text", "vision"])
def test_the_weights_of_one_input(
    modality: str, trained: Path, spaner: Run, configure: Configure
) -> None:
    configure(trained, {modality: ["audio"]}, "policy", "links")  # what finds nothing is refused
    given = "two" if modality == "text" else picture(trained)
    ask = ("--sample", given, "--from", modality, "-k", "3")
    sample = told(spaner, *ask, cwd=trained)["sample"]

    project = Project(read_config(trained / "plugins.yaml"))
    features = project.assembly.extract(modality, [given])
    (found,) = project.space.align(modality, features)
    weights = found.weights
    order = np.argsort(-weights[0].numpy())[:3]
    assert list(sample["weights"]) == [CONCEPTS[place] for place in order]
    assert list(sample["weights"].values()) == pytest.approx(weights[0].numpy()[order].tolist())
    assert sample["tokens"] is None
    shown = spaner("prompt", *ask, cwd=trained)
    assert "attends from the whole sample only" in shown.stdout
    assert "`token_attention: true`" in shown.stdout
    assert f"`spaner attach {modality} --replace`" in shown.stdout


def test_the_weights_of_each_token_where_tokens_attend(
    trained: Path, spaner: Run, configure: Configure
) -> None:
    configure(trained, True, *TOKENS)
    done = spaner("attach", "vision", "--replace", cwd=trained)
    assert done.returncode == 0, done.stderr
    ask = ("--sample", picture(trained), "--from", "vision")
    table = told(spaner, *ask, cwd=trained)["sample"]["tokens"]

    assert table["tokens"] == [f"({r}, {c})" for r in (1, 2, 3) for c in (1, 2, 3)]
    assert table["anchors"] == CONCEPTS
    weights = np.array(table["weights"])
    assert weights.shape == (9, 4)
    assert weights.sum(axis=1) == pytest.approx(np.ones(9), abs=1e-5)
    assert np.ptp(weights, axis=0).min() > 0, "each token attends in its own way"
    trained_gate = load_file(trained / "space/aligners/vision/model.safetensors")["attend.gate"]
    assert table["gate"] == pytest.approx(float(trained_gate))
    shown = spaner("prompt", *ask, "-k", "2", cwd=trained).stdout
    assert f"moved by {table['gate']:.3f} of its length" in shown
    leading = int(weights.mean(axis=0).argmax())
    assert f"│ (2, 3) │ {weights[5, leading]:>{len(CONCEPTS[leading])}.3f} │" in shown


def test_tokens_are_named_by_place_where_there_is_a_grid_and_else_by_number() -> None:
    assert token_names(FeatureSpec(dim=3), 3) == ["1", "2", "3"]
    line = FeatureSpec(dim=3, tokens=3, grid=(2,), prefix_tokens=1)
    assert token_names(line, 3) == ["prefix 1", "(1)", "(2)"]
    pages = FeatureSpec(dim=3, grid=(1, 2), prefix_tokens=1)
    assert token_names(pages, 6) == [
        *("window 1 prefix 1", "window 1 (1, 1)", "window 1 (1, 2)"),
        *("window 2 prefix 1", "window 2 (1, 1)", "window 2 (1, 2)"),
    ]
    assert token_names(pages, 4) == ["1", "2", "3", "4"], "cut otherwise than the grid says"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--split", "tset"), ("'tset'", "train, validation, test")),
        (("--sample", "two"), ("--from",)),
        (("--from", "text"), ("--sample",)),
        (("--sample", "two", "--from", "text", "--split", "test"), ("--sample", "--split")),
        (("--sample", "two", "--from", "smell"), ("'smell'", "text")),
        (("--sample", "none.png", "--from", "vision"), ("none.png", "no such file")),
        (("--sample", "manifest.csv", "--from", "vision"), ("manifest.csv",)),
        (("--sample", "two", "--from", "sensor"), ("'sensor'", "attach")),
        (("--sample", "", "--from", "text"), ("''",)),
        (("-k", "0"), ("-k",)),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_wrong_request_is_refused(
    arguments: tuple[str, ...], says: tuple[str, ...], trained: Path, refuses: Refuses
) -> None:
    refuses("prompt", *arguments, cwd=trained, says=says)
