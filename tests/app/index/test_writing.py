"""An index is written whole or not at all, whoever else reads and writes, and where room ends."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner.index import files, records
from spaner.index.files import open_index
from spaner.index.shards import parts_at

from tests import process
from tests.app.answers import only_json
from tests.app.projects import rows_of, write_rows

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]
Reports = Callable[..., dict[str, dict[str, Any]]]

ASKED = ("search", "one", "--from", "text", "--to", "vision", "-k", "9", "--json", "--quiet")
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
"""No file may become larger: what a full disk does, where others go on writing."""


def without_a_concept(folder: Path) -> None:
    write_rows(folder, [row for row in rows_of(folder) if row["concept"] != "one"])


@pytest.mark.parametrize("room", [300, 3000, 12000])
def test_where_room_ends_the_old_index_stays(
    indexed: Path, spaner: Run, tree: Tree, reports: Reports, room: int
) -> None:
    old = only_json(spaner(*ASKED, cwd=indexed))
    without_a_concept(indexed)
    before = tree(indexed / "space.index")
    full = FULL.format(room=room)
    arguments = ("index", "vision", "--overwrite", "--quiet")
    done = process.python(f"{full}\n{process.MAIN}", *arguments, cwd=indexed)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert "File too large" in line
    assert ".partial" not in line
    left = tree(indexed / "space.index")
    assert {name: left[name] for name in before} == before
    assert only_json(spaner(*ASKED, cwd=indexed)) == old
    reports(indexed, "vision")
    assert {hit["concept"] for hit in only_json(spaner(*ASKED, cwd=indexed))} >= {"two"}
    for record in (indexed / "space.index").glob("*.json"):
        named = record.read_text(encoding="utf-8")
        for path in record.with_suffix("").iterdir():
            assert path.name in named


def test_two_writers_at_once_leave_one_index(indexed: Path, spaner: Run) -> None:
    without_a_concept(indexed)
    stopped = process.start("index", "--quiet", cwd=indexed, stops="space.index", first=2)
    assert stopped.stopped()
    second = process.start("index", "--overwrite", "--quiet", cwd=indexed)
    assert "waiting for another process" in second.line()
    for done in (stopped.end(), second.end()):
        assert done.returncode == 0, done.stderr
    checked = spaner("index", "--check", "3", "--quiet", cwd=indexed)
    assert checked.returncode == 0, checked.stdout
    assert not list((indexed / "space.index").rglob(".*"))


def test_what_a_search_has_opened_stays_whole(indexed: Path, reports: Reports) -> None:
    """A row is deleted, and the index written anew, between the opening and the reading."""
    index = open_index(indexed / "space.index", "vision")
    assert index is not None
    old, ids = index.record, index.rows.cells["id"].to_pylist()
    known = parts_at(index.shards, torch.arange(len(ids))).direction.clone()
    without_a_concept(indexed)
    reports(indexed, "vision", "--overwrite")
    assert not any((indexed / "space.index/vision" / part.name).exists() for part in old.shards)
    assert parts_at(index.shards, torch.arange(len(ids))).direction.equal(known)
    assert index.rows.cells["id"].to_pylist() == ids


def test_a_search_that_meets_a_new_index_takes_that(
    indexed: Path, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is read; what it names is removed before it is opened."""
    old = records.read_record(indexed / "space.index", "vision")
    without_a_concept(indexed)
    count = reports(indexed, "vision")["vision"]["rows"]
    given = iter([old])
    monkeypatch.setattr(
        files, "read_record", lambda *place: next(given, None) or records.read_record(*place)
    )
    index = files.open_index(indexed / "space.index", "vision")
    assert index is not None
    assert len(index.rows) == count


def test_a_row_that_is_gone_is_still_found_as_it_was(indexed: Path, spaner: Run) -> None:
    old = only_json(spaner(*ASKED, cwd=indexed))
    (indexed / old[0]["input"]).unlink()
    shutil.rmtree(indexed / "manifest.features")
    write_rows(indexed, [row for row in rows_of(indexed) if row["id"] != old[0]["id"]])
    assert only_json(spaner(*ASKED, cwd=indexed)) == old
    like = ("search", "--like", old[0]["id"], "--to", "vision", "-k", "1", "--json", "--quiet")
    assert only_json(spaner(*like, cwd=indexed))[0]["id"] != old[0]["id"]
