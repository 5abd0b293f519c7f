"""Features come to the store once, whatever happens on the way."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core.errors import DataError, PluginError
from spaner_core.features.extraction import Extraction, extract, extract_stored
from spaner_core.features.inputs import key_input
from spaner_core.features.plans import BATCH_ROWS, PLAN
from spaner_core.features.stream import FeatureStream
from spaner_core.pretrained.freeze import FrozenEncoder
from torch import Tensor, nn

from tests.core.features.stored_samples import IDENTITY, identity
from tests.toy_modality import ToyEncoder, ToyOptions, ToyTransform, Window

TRANSFORM = ToyTransform(ToyOptions())
SOURCES = ["1 2 3", "1 0 0; 0 1 0 | 4 5 6", "7 8 9 | 1 1 1 | 2 2 2; 3 3 3", "0 0 1; 0 0 2"]
MANY = [f"{number} 0 {number % 7}" for number in range(3 * BATCH_ROWS + 10)]


class Recording(ToyEncoder, nn.Module):
    """Remembers what it was given; `stops_at` windows it is interrupted; `drifts` as it works."""

    def __init__(self, *, stops_at: int | None = None, drifts: bool = False) -> None:
        nn.Module.__init__(self)
        ToyEncoder.__init__(self, ToyOptions())
        self.register_buffer("seen", torch.zeros(()))
        self.seen: Tensor
        self.given: list[Window] = []
        self.stops_at, self.drifts = stops_at, drifts

    def __call__(self, batch: list[Window]) -> tuple[Tensor, Tensor]:
        if self.stops_at is not None and len(self.given) + len(batch) > self.stops_at:
            raise KeyboardInterrupt
        self.given += batch
        if self.drifts:
            self.seen += 1
        return super().__call__(batch)


def stored(
    folder: Path,
    sources: Any,
    *,
    encoder: ToyEncoder | None = None,
    transform: Any = TRANSFORM,
    stream: FeatureStream | None = None,
    max_unusable: int = 0,
) -> Extraction:
    return extract_stored(
        stream or FeatureStream(folder, IDENTITY),
        FrozenEncoder(encoder or ToyEncoder(ToyOptions())),
        transform,
        sources,
        max_unusable=max_unusable,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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


class Meddling(ToyTransform):
    """Does something to the file that it has just read, once."""

    def __init__(self, meddle: Any) -> None:
        super().__init__(ToyOptions())
        self.meddle = meddle

    def decode(self, source: Path | str) -> list[Window]:
        sample = super().decode(source)
        if isinstance(source, Path) and self.meddle is not None:
            self.meddle(source)
            self.meddle = None
        return sample


@pytest.mark.parametrize(
    "meddle",
    [
        lambda path: path.write_text("7 7 7 ", encoding="utf-8"),
        lambda path: os.utime(path, ns=(0, 0)),
        lambda path: path.unlink(),
        lambda path: path.rename(path.with_name("elsewhere.toy")),
    ],
    ids=["written", "touched", "removed", "moved"],
)
def test_a_file_changed_while_it_is_read_is_put_aside_and_its_features_are_not_kept(
    tmp_path: Path, meddle: Any
) -> None:
    path = tmp_path / "a.toy"
    path.write_text("1 2 3", encoding="utf-8")
    transform = Meddling(meddle)
    found = stored(tmp_path / "s", [path, "4 5 6"], transform=transform, max_unusable=1)
    assert "changed while it was read" in found.unusable[0]
    assert found.usable.tolist() == [1]
    path.write_text("1 2 3", encoding="utf-8")
    found = stored(tmp_path / "s", [path, "4 5 6"])
    assert found.extracted == 1
    assert found.rows.load().values.tolist() == [[[1, 2, 3]], [[4, 5, 6]]]


def test_unusable_sources_are_put_aside_with_their_reasons_and_the_rest_is_stored(
    tmp_path: Path,
) -> None:
    sources: list[Path | str] = ["1 2 3", "one", tmp_path / "gone.toy", "4 5 6", "one", "1 2"]
    found = stored(tmp_path / "s", sources, max_unusable=3)
    assert found.usable.tolist() == [0, 3]
    assert sorted(found.unusable) == [1, 2, 4, 5]
    assert "no such file" in found.unusable[2]
    assert found.extracted == len(found.rows) == 2
    assert PLAN not in contents(tmp_path / "s")
    again = stored(tmp_path / "s", sources, max_unusable=3)
    assert (again.extracted, again.unusable) == (0, found.unusable)


def test_two_files_of_the_same_bad_content_count_as_two(tmp_path: Path) -> None:
    for name in ("a.toy", "b.toy"):
        (tmp_path / name).write_text("bad", encoding="utf-8")
    sources = [tmp_path / "a.toy", tmp_path / "b.toy", "1 2 3"]
    with pytest.raises(DataError, match="2 of 3 inputs"):
        stored(tmp_path / "s", sources, max_unusable=1)
    assert sorted(stored(tmp_path / "s", sources, max_unusable=2).unusable) == [0, 1]


def test_beyond_what_is_allowed_all_problems_are_told_and_mending_extracts_what_is_missing(
    tmp_path: Path,
) -> None:
    paths = [tmp_path / f"{number}.toy" for number in range(2 * BATCH_ROWS)]
    for number, path in enumerate(paths):
        path.write_text(f"{number:04d} 0 0", encoding="utf-8")
    bad = paths[5::200]
    for path in bad:
        path.write_text(f"all of {path.name} is bad", encoding="utf-8")
    first = Recording()
    with pytest.raises(DataError, match=rf"^{len(bad)} of 512 inputs .* allows 1"):
        stored(tmp_path / "s", paths, encoder=first, max_unusable=1)
    assert 0 < len(first.given) < BATCH_ROWS
    for number, path in enumerate(bad):
        path.write_text(f"{number} 1 1", encoding="utf-8")
    second = Recording()
    found = stored(tmp_path / "s", paths, encoder=second)
    assert len(first.given) + len(second.given) == len(paths)
    assert found.extracted == len(second.given)
    assert not any(window in second.given for window in first.given)


def test_an_encoder_that_changes_itself_leaves_nothing_but_what_was_there(tmp_path: Path) -> None:
    stored(tmp_path, SOURCES[:2])
    before = contents(tmp_path)
    with pytest.raises(PluginError, match="changed its own weights"):
        stored(tmp_path, MANY, encoder=Recording(drifts=True))
    after = {name: what for name, what in contents(tmp_path).items() if name != PLAN}
    assert after == before
    assert stored(tmp_path, MANY).extracted == len(MANY)


def test_features_too_large_for_16_bits_stop_the_work_and_32_bits_take_them(
    tmp_path: Path,
) -> None:
    sources = [*MANY, "70000 0 0"]
    with pytest.raises(DataError, match=r"set features\.dtype to float32"):
        stored(tmp_path, sources)
    stream = FeatureStream(tmp_path / "wide", identity(dtype="float32"))
    found = stored(tmp_path, sources, stream=stream)
    assert float(found.rows.load().values.max()) == 70000


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
