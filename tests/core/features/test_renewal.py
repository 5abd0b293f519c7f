"""Features extracted anew take the place of old ones, all at once and never beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core.errors import DataError
from spaner_core.features.extraction import extract_stored
from spaner_core.features.in_memory import extract
from spaner_core.features.renewal import BEGUN, Renewal, renew_stored
from spaner_core.features.stream import FeatureStream
from spaner_core.features.stream_records import BATCH_ROWS
from spaner_core.pretrained.freeze import FrozenEncoder
from torch import Tensor

from tests.core.features.stored_samples import IDENTITY
from tests.toy_modality import ToyEncoder, ToyOptions, ToyTransform, Window

TRANSFORM = ToyTransform(ToyOptions())
SOURCES = [f"{number} 0 {number % 7 + 1}" for number in range(2 * BATCH_ROWS + 10)]


class Scaled(ToyEncoder):
    """The toy with its numbers scaled; `stops_at` windows it is interrupted."""

    def __init__(self, scale: float, *, stops_at: int | None = None) -> None:
        super().__init__(ToyOptions())
        self.scale, self.stops_at, self.windows = scale, stops_at, 0

    def __call__(self, batch: list[Window]) -> tuple[Tensor, Tensor]:
        if self.stops_at is not None and self.windows + len(batch) > self.stops_at:
            raise KeyboardInterrupt
        self.windows += len(batch)
        tokens, mask = super().__call__(batch)
        return tokens * self.scale, mask


def stored(folder: Path, encoder: ToyEncoder, sources: Sequence[Any] = SOURCES) -> int:
    stream = FeatureStream(folder, IDENTITY)
    return extract_stored(
        stream, FrozenEncoder(encoder), TRANSFORM, sources, max_unusable=0
    ).extracted


def renew(
    folder: Path, encoder: ToyEncoder, sources: Sequence[Any] = SOURCES, **more: Any
) -> Renewal:
    stream = FeatureStream(folder, IDENTITY)
    return renew_stored(stream, FrozenEncoder(encoder), TRANSFORM, sources, max_unusable=0, **more)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.arrow")}


def test_new_features_take_the_place_of_all_old_ones(tmp_path: Path) -> None:
    stored(tmp_path / "s", Scaled(1))
    stored(tmp_path / "s", Scaled(1), ["9 9 9", "8 8 8"])  # of another manifest
    stored(tmp_path / "new", Scaled(2))
    renewal = renew(tmp_path / "s", Scaled(2))
    assert contents(tmp_path / "s") == contents(tmp_path / "new")
    assert not (tmp_path / "s" / BEGUN).exists()
    found = renewal.extraction
    assert (renewal.changed, found.extracted) == (len(SOURCES), len(SOURCES))
    expected = extract(Scaled(2), TRANSFORM, SOURCES)
    assert torch.equal(found.rows.load().values, expected.values)


def test_features_that_stayed_the_same_are_not_counted_as_changed(tmp_path: Path) -> None:
    stored(tmp_path, Scaled(1), SOURCES[:20])
    before = contents(tmp_path)
    assert renew(tmp_path, Scaled(1 + 1e-6), SOURCES[:20]).changed == 0
    assert contents(tmp_path) == before
    assert renew(tmp_path / "empty", Scaled(1), SOURCES[:20]).changed == 0


@pytest.mark.parametrize("stops_at", [0, 100, 300])
def test_interrupted_it_leaves_the_old_ones_and_goes_on_when_called_again(
    tmp_path: Path, stops_at: int
) -> None:
    stored(tmp_path / "s", Scaled(1))
    stored(tmp_path / "new", Scaled(2))
    old = files(tmp_path / "s")
    with pytest.raises(KeyboardInterrupt):
        renew(tmp_path / "s", Scaled(2, stops_at=stops_at))
    assert files(tmp_path / "s") == old
    assert stored(tmp_path / "s", Scaled(1)) == 0
    taken_up = Scaled(2)
    renew(tmp_path / "s", taken_up)
    looked_at = 3 if stops_at > BATCH_ROWS else 0
    assert taken_up.windows == len(SOURCES) - stops_at // BATCH_ROWS * BATCH_ROWS + looked_at
    assert contents(tmp_path / "s") == contents(tmp_path / "new")


def test_what_was_begun_with_an_encoder_that_changed_again_is_not_taken_up(tmp_path: Path) -> None:
    stored(tmp_path / "s", Scaled(1))
    with pytest.raises(KeyboardInterrupt):
        renew(tmp_path / "s", Scaled(2, stops_at=300))
    renew(tmp_path / "s", Scaled(3))
    stored(tmp_path / "new", Scaled(3))
    assert contents(tmp_path / "s") == contents(tmp_path / "new")


def test_inputs_that_cannot_be_used_leave_the_old_ones(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.toy" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_text(f"{number} 2 3", encoding="utf-8")
    stored(tmp_path / "s", Scaled(1), paths)
    old = files(tmp_path / "s")
    for path in paths:
        path.unlink()
    with pytest.raises(DataError):
        renew(tmp_path / "s", Scaled(2), paths)
    assert files(tmp_path / "s") == old


@pytest.mark.parametrize("renames", [0, 1])
def test_killed_as_they_change_places_old_and_new_never_stand_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    stored(tmp_path / "s", Scaled(1))
    stored(tmp_path / "new", Scaled(2))
    replace, done = Path.replace, [0]

    def dying(path: Path, target: Path) -> Path:
        if path.suffix == ".arrow" and path.parent != target.parent:
            if done[0] == renames:
                raise KeyboardInterrupt
            done[0] += 1
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        renew(tmp_path / "s", Scaled(2))
    monkeypatch.undo()
    left = files(tmp_path / "s")
    assert len(left) == renames
    assert left.items() <= files(tmp_path / "new").items()
    stored(tmp_path / "s", Scaled(2))
    expected = extract(Scaled(2), TRANSFORM, SOURCES)
    found = extract_stored(
        FeatureStream(tmp_path / "s", IDENTITY), FrozenEncoder(Scaled(2)), TRANSFORM, SOURCES,
        max_unusable=0,
    )  # fmt: skip
    assert torch.equal(found.rows.load().values, expected.values)


@pytest.mark.parametrize("removed", [0, 1, 3])
def test_killed_as_old_ones_go_it_has_told_before_and_counts_those_that_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    stored(tmp_path, Scaled(1))
    old, told = files(tmp_path), []
    replace, unlink, done = Path.replace, Path.unlink, [0]

    def dying(path: Path, *, missing_ok: bool = False) -> None:
        if path.suffix == ".arrow" and path.parent == tmp_path:
            if done[0] == removed:
                raise KeyboardInterrupt
            done[0] += 1
        unlink(path, missing_ok=missing_ok)

    def dying_last(path: Path, target: Path) -> Path:
        if path.suffix == ".arrow" and path.parent != target.parent:
            raise KeyboardInterrupt
        return replace(path, target)

    def superseding() -> None:
        told.append(files(tmp_path))

    monkeypatch.setattr(Path, "unlink", dying)
    if removed == len(old):
        monkeypatch.setattr(Path, "replace", dying_last)
    with pytest.raises(KeyboardInterrupt):
        renew(tmp_path, Scaled(2), superseding=superseding)
    monkeypatch.undo()
    assert told == [old]
    assert len(files(tmp_path)) == len(old) - removed
    assert renew(tmp_path, Scaled(2), superseding=superseding).changed == len(SOURCES)
    assert len(told) == 2
    assert renew(tmp_path, Scaled(2), superseding=superseding).changed == 0
    assert len(told) == 2


def test_what_others_left_in_a_streams_folder_stays(tmp_path: Path) -> None:
    stored(tmp_path / "s", Scaled(1), SOURCES[:4])
    notes = tmp_path / "s" / "notes.txt"
    notes.write_text("mine", encoding="utf-8")
    renew(tmp_path / "s", Scaled(2), SOURCES[:4])
    assert notes.read_text(encoding="utf-8") == "mine"
