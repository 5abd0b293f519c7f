"""Rows with concepts and items: the same thing and the same kind have strengths of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.app.projects import rows_of, write_rows
from tests.app.search.calibrations import FILE, document

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]

FIND = ("search", "two", "--from", "text", "--to", "vision", "--json")
EVALUATE = ("evaluate", "text", "vision", "--split", "test")


def pair_rows(folder: Path) -> None:
    """Have the n-th rows of a concept and split show one thing, and keep their concept."""
    rows, seen = rows_of(folder), Counter[tuple[str, ...]]()
    for row in rows:
        place = (row["modality"], row["split"], row["concept"])
        row["item"] = f"{row['split']} {row['concept']} {seen[place]}"
        seen[place] += 1
    write_rows(folder, rows)


@pytest.fixture(scope="module")
def known_project(
    tmp_path_factory: pytest.TempPathFactory, small_project: Path, spaner: Run, configure: Configure
) -> Path:
    """A space of text and vision, trained on concepts and items; not to be changed."""
    folder = tmp_path_factory.mktemp("known") / "project"
    shutil.copytree(small_project, folder)
    pair_rows(folder)
    configure(folder, 0.6, "prompt", "strength")
    done = spaner("train", "text", "vision", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (
        "search looks for the same kind (pull strength 0.6), with --same thing for the very same "
        "thing (pull strength 0)" in done.stdout
    )
    return folder


@pytest.fixture
def known(tmp_path: Path, known_project: Path) -> Path:
    return Path(shutil.copytree(known_project, tmp_path / "known"))


def answer(spaner: Run, folder: Path, *arguments: str) -> Any:
    done = spaner(*arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_search_looks_for_kinds_unless_things_are_asked_for(known: Path, spaner: Run) -> None:
    by_kind = answer(spaner, known, *FIND)
    assert answer(spaner, known, *FIND, "--same", "kind") == by_kind
    assert answer(spaner, known, *FIND, "--strength", "0.6") == by_kind
    by_thing = answer(spaner, known, *FIND, "--same", "thing")
    assert by_thing == answer(spaner, known, *FIND, "--strength", "0")
    assert by_thing != by_kind


def test_a_strength_is_asked_for_once(known: Path, refuses: Refuses) -> None:
    both = ("--same", "thing", "--strength", "0.3")
    refuses(*FIND, *both, cwd=known, says=("--strength 0.3", "--same thing", "one of them"))
    refuses(*FIND, "--same", "item", cwd=known, says=("--same", "thing", "kind"))


def test_without_items_there_are_no_things_to_look_for(trained: Path, refuses: Refuses) -> None:
    refuses(*FIND, "--same", "thing", cwd=trained, says=("the same thing", "knows no items"))


def test_kinds_and_things_are_measured_each_at_its_strength(known: Path, spaner: Run) -> None:
    figures = answer(spaner, known, *EVALUATE, "--json")
    alone = {
        strength: answer(spaner, known, *EVALUATE, "--json", "--strength", strength)
        for strength in ("0", "0.6")
    }
    for key, value in figures.items():
        assert value == alone["0" if "item_" in key else "0.6"][key], key
    assert (figures["strength"], figures["item_strength"]) == (0.6, 0)
    assert (alone["0"]["strength"], alone["0"]["item_strength"]) == (0, 0)
    assert alone["0"]["text_to_vision_item_map"] != alone["0.6"]["text_to_vision_item_map"]
    assert alone["0"]["text_to_vision_map"] != alone["0.6"]["text_to_vision_map"]
    told = spaner(*EVALUATE, cwd=known).stdout
    assert "split test, pull strength 0.6" in told
    assert "Retrieval by item, pull strength 0:" in told
    assert f"By item: mean recall@1 {figures['mean_item_recall@1']:.3f}" in told


def test_rows_of_items_alone_are_measured_as_things(known: Path, spaner: Run) -> None:
    rows = rows_of(known)
    for row in rows:
        row["concept"] = "" if row["split"] == "test" else row["concept"]
    write_rows(known, rows)
    figures = answer(spaner, known, *EVALUATE, "--json")
    assert figures["strength"] == figures["item_strength"] == 0
    assert figures["mean_map"] == figures["mean_item_map"]


def test_probabilities_are_fitted_for_kinds_and_for_things(known: Path, spaner: Run) -> None:
    done = spaner("calibrate", "--false-accept", "0.2", cwd=known)
    assert done.returncode == 0, done.stderr
    assert "By item, pull strength 0: for search --same thing" in done.stdout
    stored = document(known / FILE)
    things = stored["things"]
    for part, strength in ((stored, 0.6), (things, 0)):
        assert {key["strength"] for key in part["keys"].values()} == {strength}
        assert {(p["source"], p["target"]) for p in part["pairs"]} == {
            ("text", "vision"),
            ("vision", "text"),
        }
        for pair in part["pairs"]:
            (cutoff,) = pair["cutoffs"]  # a rate of 0.01 takes 100 queries
            assert cutoff["asked"] == 0.1 >= cutoff["false_accept_rate"]
            assert cutoff["cosine"] >= pair["threshold"]["cosine"]
    assert done.stdout.count("at 0.1 ┃ found") == 2, "for kinds and for things"
    # a handful of pictures show the kind, one of them the thing
    by_kind, by_thing = (part["pairs"][0]["probability"] for part in (stored, things))
    assert by_thing["relevant_share"] < by_kind["relevant_share"]

    asked: dict[tuple[str, ...], list[float]] = {}
    for how in ((), ("--same", "kind"), ("--same", "thing"), ("--strength", "0")):
        done = spaner(*FIND, *how, cwd=known)
        assert (done.returncode, done.stderr) == (0, "")
        asked[how] = [hit["probability"] for hit in json.loads(done.stdout)]
    assert asked[()] == asked["--same", "kind"]
    assert asked["--strength", "0"] == asked["--same", "thing"]
    assert max(asked["--same", "thing"]) < max(asked[()])


def test_a_strength_that_is_given_is_calibrated_alone(known: Path, spaner: Run) -> None:
    rate = ("--false-accept", "0.2", "--strength", "0.3", "--json")
    report = answer(spaner, known, "calibrate", *rate)
    assert report["calibration"]["things"] is None
    stale = spaner(*FIND, "--same", "thing", cwd=known)
    assert "it holds at pull strength 0.3, not 0.0; renew it: `spaner calibrate --overwrite`" in (
        stale.stderr
    )
