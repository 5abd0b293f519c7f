"""Features come to the store once, whatever happens on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from spaner_core.features.in_memory import extract
from spaner_core.features.inputs import key_input
from spaner_core.features.stream import FeatureStream
from spaner_core.features.stream_records import BATCH_ROWS, PLAN

from tests.core.features.extracting import MANY, SOURCES, TRANSFORM, Recording, contents, stored
from tests.core.features.stored_samples import IDENTITY, identity
from tests.toy_modality import ToyEncoder, ToyOptions


def test_stored_features_are_those_in_memory_in_the_order_of_the_sources(tmp_path: Path) -> None:
    sources = [*SOURCES, SOURCES[2], *reversed(SOURCES)]
    found = stored(tmp_path, sources)
    expected = extract(ToyEncoder(ToyOptions()), TRANSFORM, sources)
    loaded = found.rows.load()
    assert torch.equal(loaded.values, expected.values)  # small whole numbers are exact in 16 bits
    assert torch.equal(loaded.mask, expected.mask)
    assert (found.extracted, found.usable.tolist()) == (len(sources), list(range(len(sources))))


def test_no_sources_give_no_rows_and_write_nothing(tmp_path: Path) -> None:
    found = stored(tmp_path / "s", [])
    assert (len(found.rows), found.extracted, len(found.usable)) == (0, 0, 0)
    assert not (tmp_path / "s").exists()


def test_what_is_there_is_not_extracted_again_and_new_sources_alone_are(tmp_path: Path) -> None:
    stored(tmp_path, SOURCES[:3])
    before = contents(tmp_path)
    idle, busy = Recording(), Recording()
    assert stored(tmp_path, SOURCES[1:3], encoder=idle).extracted == 0
    assert contents(tmp_path) == before
    found = stored(tmp_path, [*SOURCES, SOURCES[3]], encoder=busy)
    assert (idle.given, busy.given) == ([], [[[0, 0, 1], [0, 0, 2]]])
    assert (found.extracted, len(found.rows)) == (2, 5)
    assert before.items() <= contents(tmp_path).items()


@pytest.mark.parametrize("stops_at", [0, 70, 256, 300, 511, 600, 777])
def test_interrupted_and_taken_up_again_it_ends_with_the_same_files(
    tmp_path: Path, stops_at: int
) -> None:
    stored(tmp_path / "whole", MANY)
    with pytest.raises(KeyboardInterrupt):
        stored(tmp_path / "cut", MANY, encoder=Recording(stops_at=stops_at))
    left = contents(tmp_path / "cut")
    again = Recording()
    stored(tmp_path / "cut", list(reversed(MANY)), encoder=again)
    assert len(again.given) == len(MANY) - stops_at // BATCH_ROWS * BATCH_ROWS
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert PLAN in left
    assert PLAN not in contents(tmp_path / "cut")


def test_a_plan_left_by_a_process_that_was_killed_at_the_very_end_goes(tmp_path: Path) -> None:
    stored(tmp_path, SOURCES)
    whole = contents(tmp_path)
    keys = [key_input(source).key for source in SOURCES]
    (tmp_path / PLAN).write_text(json.dumps([keys]), encoding="utf-8")
    assert stored(tmp_path, SOURCES[:2]).extracted == 0
    assert contents(tmp_path) == whole


def test_what_others_extracted_meanwhile_counts_as_reused(tmp_path: Path) -> None:
    early, idle = FeatureStream(tmp_path, IDENTITY), Recording()
    stored(tmp_path, SOURCES)
    found = stored(tmp_path, SOURCES, stream=early, encoder=idle)
    assert (found.extracted, len(found.rows), idle.given) == (0, 4, [])
    assert len(FeatureStream(tmp_path, IDENTITY).files) == 1


def test_what_others_removed_meanwhile_is_extracted_with_the_rest(tmp_path: Path) -> None:
    stored(tmp_path, SOURCES[:3])
    early = FeatureStream(tmp_path, IDENTITY)
    FeatureStream(tmp_path, IDENTITY).keep(lambda: {key_input(SOURCES[0]).key})
    found = stored(tmp_path, SOURCES, stream=early)
    assert (found.extracted, len(found.rows.load())) == (3, 4)


def test_files_are_known_by_their_content(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.toy", "b.toy", "c.csv")]
    for path in paths:
        path.write_text("1 2 3", encoding="utf-8")
    once, changed, back = Recording(), Recording(), Recording()
    found = stored(tmp_path / "s", [*paths, "1 2 3"], encoder=once)
    assert len(once.given) == 3  # equal files once; another suffix, and a text, for themselves
    assert found.extracted == 4
    paths[0].write_text("9 9 9", encoding="utf-8")
    found = stored(tmp_path / "s", paths[:2], encoder=changed)
    assert (changed.given, found.extracted) == ([[[9, 9, 9]]], 1)
    assert found.rows.load().values.tolist() == [[[9, 9, 9]], [[1, 2, 3]]]
    paths[0].write_text("1 2 3", encoding="utf-8")
    assert stored(tmp_path / "s", paths, encoder=back).extracted == 0


def test_32_bits_keep_what_16_round(tmp_path: Path) -> None:
    narrow = stored(tmp_path / "narrow", ["0.1 0.2 0.3"]).rows.load().values
    stream = FeatureStream(tmp_path / "wide", identity(dtype="float32"))
    wide = stored(tmp_path, ["0.1 0.2 0.3"], stream=stream).rows.load().values
    assert torch.equal(wide, torch.tensor([[[0.1, 0.2, 0.3]]]))
    assert torch.equal(narrow, wide.half().float())
    assert not torch.equal(narrow, wide)


def test_a_damaged_file_is_written_anew(tmp_path: Path) -> None:
    stored(tmp_path, MANY)
    whole = contents(tmp_path)
    spoilt = sorted(tmp_path.glob("*.arrow"))[1]
    spoilt.write_bytes(spoilt.read_bytes()[:-1])
    busy = Recording()
    found = stored(tmp_path, MANY, encoder=busy)
    assert found.extracted == len(busy.given) > 0
    assert contents(tmp_path) == whole
