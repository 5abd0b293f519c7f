"""Why a row was found: anchors, parts of both sides, and what cannot be said."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spaner as product
from PIL import Image

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]

ASK = ("search", "a spoken two", "--from", "text", "--to", "audio", "-k", "4")


@pytest.fixture(scope="module")
def project(attached_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of its own, whose features these tests extract."""
    copy = tmp_path_factory.mktemp("explained") / "project"
    return Path(shutil.copytree(attached_project, copy))


@pytest.fixture(scope="module")
def space(project: Path) -> Any:
    return product.load(project / "plugins.yaml")


@pytest.fixture(scope="module")
def hit(space: Any) -> Any:
    return space.search("a spoken two", source="text", targets="audio", k=1)[0]


def test_anchors_and_parts_of_both_sides_are_named(space: Any, hit: Any) -> None:
    found = space.explain("a spoken two", hit, source="text")
    assert round(found.cosine, 4) == hit.score
    assert found.strength == 0.5
    assert sum(one.share for one in found.anchors) + found.other == pytest.approx(1)
    assert 1 <= len(found.anchors) <= 5
    assert all(one.concept in space.concepts for one in found.anchors)
    assert {part.label for part in found.query.parts} == {
        'word 1, "a"',
        'word 2, "spoken"',
        'word 3, "two"',
    }
    falls = [part.fall for part in found.hit.parts]
    assert falls == sorted(falls, reverse=True)
    assert len(falls) < found.hit.encodings <= 64
    assert found.hit.key == space.vector_key("audio")
    for said in ("cosine", "not calibrated", "other ", 'word 3, "two"', found.caveat):
        assert said in repr(found)


def test_at_strength_0_the_anchors_have_no_share(space: Any, hit: Any) -> None:
    found = space.explain("a spoken two", hit, source="text", strength=0)
    assert (found.anchors, found.other, found.strength) == ((), 1.0, 0.0)


def test_a_small_budget_makes_coarser_parts(space: Any, hit: Any) -> None:
    found = space.explain("a spoken two", hit, source="text", budget=2)
    assert [part.label for part in found.query.parts if " to " in part.label] == [
        'word 1, "a" to word 2, "spoken"'
    ]
    assert found.query.encodings == found.hit.encodings == 2


def test_rows_and_objects_are_explained_as_what_they_are(space: Any, tmp_path: Path) -> None:
    row = space.search(like="audio-m1-two", targets="vision", k=1)[0]
    found = space.explain(None, row, like="audio-m1-two")
    assert found.query.modality == "audio"
    picture = Image.new("RGB", (8, 8), "white")
    found = space.explain(picture, row, source="vision")
    assert found.query.parts[0].label.startswith("row ")


def test_why_stands_below_the_table_and_in_json(trained: Path, spaner: Run) -> None:
    done = spaner(*ASK, "--why", cwd=trained)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Why audio-") == 3
    assert done.stdout.count("neither they nor the anchors prove") == 1
    answer = json.loads(spaner(*ASK, "--why", "--json", cwd=trained).stdout)
    assert ["why" in one for one in answer] == [True, True, True, False]
    assert answer[0]["why"]["cosine"] == pytest.approx(answer[0]["score"], abs=1e-4)
    assert answer[0]["why"]["hit"]["parts"][0]["fall"] > 0
    assert "why" not in json.loads(spaner(*ASK, "--json", cwd=trained).stdout)[0]


def test_the_calibration_that_was_used_is_named(calibrated: Path, spaner: Run) -> None:
    (answer, *_) = json.loads(spaner(*ASK, "--why", "--json", cwd=calibrated).stdout)
    used = answer["why"]["calibration"]
    assert used["split"] == "validation"
    assert used["probability"] == pytest.approx(answer["probability"], abs=1e-4)


def test_of_a_hit_whose_file_is_gone_the_rest_is_told(trained: Path, spaner: Run) -> None:
    assert spaner("index", cwd=trained).returncode == 0
    (hit, *_) = json.loads(spaner(*ASK, "--json", cwd=trained).stdout)
    (trained / hit["input"]).unlink()
    done = spaner(*ASK, "--why", cwd=trained)
    assert done.returncode == 0, done.stderr
    assert f"{hit['input']} cannot be read any more: there is no such file" in done.stdout
    assert "query (text, vectors" in done.stdout
    (told, *_) = json.loads(spaner(*ASK, "--why", "--json", cwd=trained).stdout)
    assert told["why"]["query"]["parts"]
    assert (told["why"]["anchors"], told["why"]["other"]) == ([], None)
    assert told["why"]["hit"]["parts"] == []


def test_a_plugin_that_names_no_parts_is_said_to(
    project: Path, hit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = product.load(project / "plugins.yaml")
    transform = space.project.assembly.modality("audio").transform
    monkeypatch.delattr(transform, "parts")
    found = space.explain("a spoken two", hit, source="text")
    assert found.hit.without_parts == "the plugin of 'audio' names no parts of its inputs"
    assert found.query.parts
    assert found.anchors


def test_only_one_query_can_be_explained(
    trained: Path, refuses: Refuses, space: Any, hit: Any
) -> None:
    refuses(*ASK, "--not", "one", "--why", cwd=trained, says=("one query alone", "2 were given"))
    refuses(*ASK, "--like", "audio-m1-two", "--why", cwd=trained, says=("2 were given",))
    with pytest.raises(product.SpanerError, match="give one of the hits"):
        space.explain("two", hit.id, source="text")
    with pytest.raises(product.SpanerError, match="budget is 0"):
        space.explain("two", hit, source="text", budget=0)


def test_what_may_not_be_found_is_not_explained(
    trained: Path, configure: Configure, hit: Any
) -> None:
    configure(trained, {"text": ["vision"]}, "policy", "links")
    barred = product.load(trained / "plugins.yaml")
    with pytest.raises(product.SpanerError, match="'text' may not find 'audio'"):
        barred.explain("two", hit, source="text")
