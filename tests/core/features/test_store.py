"""What the store keeps, what it clears out, and what it leaves alone."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from pyarrow import ipc
from spaner_core.features.store import FeatureStore, Use
from spaner_core.features.stream import FeatureStream

from tests.core.features.stored_samples import IDENTITY, filled, key, samples

TYPES = json.dumps({"modality": [], "encoder": 1, "transform": None, "dtype": {}, "dim": "x"})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def keys_in_files(stream: FeatureStream) -> list[str]:
    return sorted(name for file in stream.files for name in file.keys)


def kept(stream: FeatureStream, keys: Sequence[str]) -> tuple[int, list[str]]:
    pruned = stream.keep(lambda: set(keys))
    return pruned.rows, keys_in_files(FeatureStream(stream.folder, stream.identity))


def test_keeping_some_removes_the_others_and_changes_no_feature(tmp_path: Path) -> None:
    first, second, third = (samples(2, 1, 3, seed=seed) for seed in range(3))
    stream = filled(tmp_path, first, second, third)
    wanted = [*first, list(second)[1]]
    before = stream.rows(wanted).load()
    untouched = {file.path: file.path.stat().st_mtime_ns for file in stream.files}
    assert kept(stream, [*wanted, key("never extracted")]) == (5, sorted(wanted))
    again = FeatureStream(tmp_path, IDENTITY)
    assert torch.equal(again.rows(wanted).load().values, before.values)
    (whole,) = [file.path for file in again.files if set(file.keys) == set(first)]
    assert whole.stat().st_mtime_ns == untouched[whole]
    assert kept(stream, wanted) == (0, sorted(wanted))


def test_keeping_nothing_removes_the_stream_but_nothing_foreign(tmp_path: Path) -> None:
    folder = tmp_path / IDENTITY.folder
    stream = filled(folder, samples(2, 1))
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    assert kept(stream, []) == (2, [])
    assert names(folder) == ["notes.txt"]
    (folder / "notes.txt").unlink()
    filled(folder, samples(2, 1))
    stream.keep(set)
    assert not folder.exists()


def test_keeping_removes_files_that_cannot_be_used(tmp_path: Path) -> None:
    given = samples(2, 1)
    stream = filled(tmp_path, given)
    (tmp_path / "0000000000000000.arrow").write_bytes(b"damaged")
    pruned = stream.keep(lambda: set(given))
    assert (pruned.rows, pruned.bytes) == (0, len(b"damaged"))


def test_keeping_nothing_leaves_every_file_that_the_store_has_not_written(tmp_path: Path) -> None:
    folder = tmp_path / IDENTITY.folder
    stream = filled(folder, samples(2, 1))
    (written,) = [file.path for file in stream.files]
    table = pa.table({"a": [1]})
    mine = ["mine.arrow", "fedcba9876543210.arrow", "copy.arrow", "0000000000000000.arrow"]
    (folder / mine[0]).write_bytes(b"no table at all")
    with ipc.new_file(folder / mine[1], table.schema) as file:
        file.write_table(table)  # a name like those of the store, and somebody else's content
    (folder / mine[2]).write_bytes(written.read_bytes())
    (folder / mine[3]).symlink_to(tmp_path / "elsewhere")
    (folder / ".notes.txt.partial-1").write_text("mine", encoding="utf-8")
    again = FeatureStream(folder, IDENTITY)
    assert [file.path for file in again.files] == [written], "a file of another's is not read"
    pruned = again.keep(set)
    assert sorted(path.name for path in pruned.strange) == sorted(mine)
    assert not written.exists()
    assert {*mine, ".notes.txt.partial-1"} <= set(names(folder))
    assert pruned.bytes > 0


@pytest.mark.parametrize("wanted", [[0, 1], [0], [0, 1, 2], [2]])
def test_a_pruning_that_was_killed_between_copy_and_removal_loses_nothing(
    tmp_path: Path, wanted: list[int]
) -> None:
    """It leaves both files, which then hold the same rows twice."""
    for seed in range(8):  # names of files, and so their order, differ from seed to seed
        given = samples(2, 1, 3, seed=seed)
        folder = tmp_path / str(seed)
        original = filled(folder, given).files[0].path
        content = original.read_bytes()
        keep = [list(given)[number] for number in wanted]
        kept(FeatureStream(folder, IDENTITY), list(given)[:2])
        original.write_bytes(content)
        assert len(FeatureStream(folder, IDENTITY).files) == 2
        _, left = kept(FeatureStream(folder, IDENTITY), keep)
        assert left == sorted(keep)


def test_what_is_kept_is_asked_when_nobody_else_writes(tmp_path: Path) -> None:
    stream = filled(tmp_path, samples(2))

    def choose() -> set[str]:
        descriptor = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
        return set(samples(2))

    assert stream.keep(choose).rows == 0


def use(**changes: str) -> Use:
    given = {"config": "/c.yaml", "manifest": "/m.csv", "modality": "toy", "stream": "toy-1"}
    return Use(**(given | changes))


def test_the_last_use_of_a_place_is_remembered_and_each_place_has_its_own(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    places = [use(), use(config="/d.yaml"), use(manifest="/n.csv"), use(modality="other")]
    for place in places:
        store.note_use(place)
    assert set(store.uses().values()) == set(places)
    store.note_use(use(stream="toy-2"))
    assert set(store.uses().values()) == {use(stream="toy-2"), *places[1:]}


def test_a_use_that_was_killed_half_written_leaves_nothing_for_ever(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    (tmp_path / "uses").mkdir()
    (tmp_path / "uses/.toy-1.json.partial-99999999").write_text("{", encoding="utf-8")
    (tmp_path / "uses/broken.json").write_text("{", encoding="utf-8")
    for wrong in (7, None, ["x"], {}):
        said = {"config": "c", "manifest": wrong, "modality": "toy", "stream": "toy-1"}
        path = tmp_path / f"uses/{type(wrong).__name__}.json"
        path.write_text(json.dumps(said), encoding="utf-8")
    store.note_use(use())
    assert list(store.uses().values()) == [use()]
    assert [name for name in names(tmp_path / "uses") if name.startswith(".")] == []


def test_what_is_no_stream_of_ours_is_none_of_the_stores(tmp_path: Path) -> None:
    filled(tmp_path / IDENTITY.folder, samples(2))
    filled(tmp_path / "copied", samples(2))  # ours, under another name
    for name, content in enumerate(("{}", "[]", "{", '{"modality": 1}', TYPES)):
        (tmp_path / str(name)).mkdir()
        (tmp_path / str(name) / "stream.json").write_text(content, encoding="utf-8")
    found = [stream.folder.name for stream in FeatureStore(tmp_path).streams()]
    assert found == [IDENTITY.folder]
    assert list(FeatureStore(tmp_path / "gone").streams()) == []
