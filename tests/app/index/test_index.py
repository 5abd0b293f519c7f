"""`spaner index` keeps embeddings beside the space; what a search finds stays the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.app.answers import notes, only_json
from tests.app.projects import picture, rows_of, write_rows
from tests.process import start

Run = Callable[..., subprocess.CompletedProcess[str]]
Reports = Callable[..., dict[str, dict[str, Any]]]

ASKED = ("search", "one", "--from", "text", "--to", "vision,audio", "-k", "8", "--json", "--quiet")


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--strength", "0"),
        ("--strength", "1"),
        ("--split", "test"),
        ("--where", "split = train"),
    ],
)
def test_an_index_changes_no_hit(
    folder: Path, spaner: Run, more: tuple[str, ...], reports: Reports
) -> None:
    without = only_json(spaner(*ASKED, *more, cwd=folder))
    reports(folder)
    assert len(without) == 8
    assert only_json(spaner(*ASKED, *more, cwd=folder)) == without


def test_a_search_through_an_index_reads_no_features(indexed: Path, spaner: Run) -> None:
    hits = only_json(spaner(*ASKED, cwd=indexed))
    shutil.rmtree(indexed / "manifest.features")
    shutil.rmtree(indexed / "vision")
    assert only_json(spaner(*ASKED, cwd=indexed)) == hits


def test_rows_follow_the_manifest(indexed: Path, spaner: Run, reports: Reports) -> None:
    rows = rows_of(indexed)
    (first, second, *_) = [row for row in rows if row["modality"] == "vision"]
    gone = [row for row in rows if row is not first]
    extra = {**second, "id": "extra", "input": "vision/extra.png", "concept": "one"}
    shutil.copyfile(picture(indexed), indexed / extra["input"])
    before = {one["id"] for one in only_json(spaner(*ASKED, "-k", "500", cwd=indexed))}
    assert first["id"] in before
    write_rows(indexed, [*gone, extra])

    (note,) = notes(spaner(*ASKED[:-2], "--split", "train", "-k", "1", "--each", cwd=indexed))
    assert "has changed since it was indexed" in note
    done = reports(indexed, "vision")["vision"]
    assert done["rows"] == len([row for row in gone if row["modality"] == "vision"]) + 1
    assert done["removed"] == 1
    after = {one["id"] for one in only_json(spaner(*ASKED, "-k", "500", cwd=indexed))}
    assert after ^ before == {first["id"], "extra"}
    shutil.rmtree(indexed / "space.index")
    slow = only_json(spaner(*ASKED, cwd=indexed))
    assert reports(indexed)["vision"]["embedded"] > 0
    assert only_json(spaner(*ASKED, cwd=indexed)) == slow


def test_what_is_there_is_not_embedded_again(indexed: Path, spaner: Run, reports: Reports) -> None:
    reports(indexed)  # the record has the stamps of this copy
    before = {path: path.stat().st_ino for path in (indexed / "space.index").rglob("*.*")}
    assert {one["embedded"] for one in reports(indexed).values()} == {0}
    assert {path: path.stat().st_ino for path in (indexed / "space.index").rglob("*.*")} == before
    assert reports(indexed, "vision", "--overwrite")["vision"]["embedded"] > 0


def test_changed_metadata_are_shown_without_embedding(
    indexed: Path, spaner: Run, reports: Reports
) -> None:
    rows = rows_of(indexed)
    write_rows(indexed, [{**row, "accent": "changed"} for row in rows])
    assert {one["embedded"] for one in reports(indexed).values()} == {0}
    assert only_json(spaner(*ASKED, "--where", "accent = changed", cwd=indexed))


def test_what_is_attached_is_indexed_and_nothing_else(
    indexed: Path, spaner: Run, tree: Callable[[Path], dict[str, str]]
) -> None:
    folder = indexed / "space.index"
    before = tree(folder)
    assert spaner("attach", "sensor", "--quiet", cwd=indexed).returncode == 0
    added = tree(folder)
    assert {name: added[name] for name in before} == before
    hits = only_json(spaner(*ASKED[:5], "sensor", "--json", "--quiet", cwd=indexed))
    assert {hit["modality"] for hit in hits} == {"sensor"}

    done = spaner("attach", "vision", "--replace", "--seed", "5", "--quiet", cwd=indexed)
    assert done.returncode == 0, done.stderr
    after = tree(folder)
    changed = {
        name.partition("/")[0]
        for name in added.keys() | after.keys()
        if added.get(name) != after.get(name)
    }
    assert changed == {"vision", "vision.json"}
    hits = only_json(spaner(*ASKED, cwd=indexed))
    assert {hit["modality"] for hit in hits} == {"audio", "vision"}
    assert spaner("index", "--check", "5", "--quiet", cwd=indexed).returncode == 0


def test_a_modality_that_cannot_be_indexed_keeps_no_other_from_it(
    indexed: Path, spaner: Run
) -> None:
    rows = rows_of(indexed)
    (path,) = (indexed / "space.index" / "audio").glob("shard-*")
    cut(path)
    write_rows(indexed, [row for row in rows if row["modality"] != "vision"])
    done = spaner("index", "--quiet", cwd=indexed)
    assert done.returncode == 2
    assert "spaner index audio --overwrite" in done.stderr
    assert not (indexed / "space.index" / "vision.json").exists()
    assert not list((indexed / "space.index" / "vision").iterdir())
    said = notes(spaner(*ASKED[:5], "text", "-k", "1", "--json", cwd=indexed))
    assert not any("has changed" in one for one in said)  # texts are up to date


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    """Change a bit in the middle, where a number lies that no format checks."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def garble(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        *(("vision.json", damage) for damage in (cut, garble, Path.unlink)),
        *(("vision/rows-*", damage) for damage in (cut, flip, Path.unlink)),
        *(("vision/shard-*", damage) for damage in (cut, flip, Path.unlink)),
    ],
)
def test_a_broken_index_is_refused_and_made_anew(
    indexed: Path, spaner: Run, what: str, damage: Callable[[Path], None], reports: Reports
) -> None:
    whole = only_json(spaner(*ASKED, cwd=indexed))
    (path,) = (indexed / "space.index").glob(what)
    damage(path)
    refused = spaner("search", "one", "--from", "text", "--to", "vision", cwd=indexed)
    if path.name == "vision.json" and damage is Path.unlink:
        assert refused.returncode == 0  # there is no index: the manifest's rows are searched
        return
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert "spaner index vision --overwrite" in refused.stderr
    reports(indexed, "vision", "--overwrite")
    assert only_json(spaner(*ASKED, cwd=indexed)) == whole


def test_a_foreign_record_is_refused(indexed: Path, spaner: Run) -> None:
    record = indexed / "space.index" / "vision.json"
    content = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps({**content, "format_version": 99}), encoding="utf-8")
    refused = spaner("search", "one", "--from", "text", "--to", "vision", cwd=indexed)
    assert refused.returncode == 2
    assert "format version 99" in refused.stderr


@pytest.mark.slow
def test_an_index_killed_at_any_change_is_the_old_one_or_the_new_one(
    indexed: Path, spaner: Run, reports: Reports
) -> None:
    kept = indexed.parent / "kept"
    rows = rows_of(indexed)
    old = only_json(spaner(*ASKED, cwd=indexed))
    write_rows(indexed, [row for row in rows if row["concept"] != "one"])
    shutil.copytree(indexed, kept)
    new = reports(indexed, "vision") and only_json(spaner(*ASKED, cwd=indexed))
    assert new != old

    def again() -> None:
        shutil.rmtree(indexed / "space.index")
        shutil.copytree(kept / "space.index", indexed / "space.index")

    again()
    process = start("index", "vision", cwd=indexed, stops="space.index")
    changes = sum(1 for _ in process.stops())
    assert process.end().returncode == 0
    assert changes > 3
    for change in range(1, changes + 1):
        again()
        held = start("index", "vision", cwd=indexed, stops="space.index", first=change)
        assert held.stopped()
        held.kill()
        found = only_json(spaner(*ASKED, cwd=indexed))
        assert {hit["id"] for hit in found} <= {hit["id"] for hit in (*old, *new)}, change
        reports(indexed, "vision")
        assert only_json(spaner(*ASKED, cwd=indexed)) == new, change
        assert not list((indexed / "space.index").rglob(".*")), change


def alike(a: Any, b: Any) -> bool:
    """Tell whether JSON values are equal but for the last digits of their numbers."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return bool(a == pytest.approx(b, rel=1e-5, abs=1e-6))
    return bool(a == b)


@pytest.mark.parametrize(
    "asked",
    [
        ("evaluate", "--split", "test"),
        ("calibrate", "--split", "validation", "--overwrite"),
        ("propagate", "--from", "text", "--to", "vision", "--check", "--split", "test"),
    ],
    ids=lambda asked: asked[0],
)
def test_measures_are_the_same_through_an_index(
    folder: Path, spaner: Run, asked: tuple[str, ...], reports: Reports
) -> None:
    without = only_json(spaner(*asked, "--json", "--quiet", cwd=folder))
    reports(folder)
    through = only_json(spaner(*asked, "--json", "--quiet", cwd=folder))
    for figures in (through, without):
        figures.pop("notices", None)
    assert alike(through, without)
