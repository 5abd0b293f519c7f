"""A few stored rows are encoded anew, and a change is told from rounding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from spaner_core.contract.transform import Transform
from spaner_core.features.extraction import extract_stored
from spaner_core.features.freshness import SAMPLE_ROWS, Change, find_change
from spaner_core.features.stream import FeatureStream
from spaner_core.pretrained.freeze import FrozenEncoder
from torch import Tensor

from tests.core.features.stored_samples import identity
from tests.toy_modality import ToyEncoder, ToyOptions, ToyTransform, Window

SOURCES = [f"{n}.3 0.0001 {-n}; 0.07 {n % 3} 70000e-2 | {n * n} 0 0.1" for n in range(1, 9)] + [
    f"0 0 {n}" for n in range(4)
]


class Edited(ToyEncoder):
    """The toy after its code was edited: the same fingerprint, other numbers."""

    def __init__(self, *, scale: float = 1.0, wavers: bool = False, more_tokens: int = 0) -> None:
        super().__init__(ToyOptions())
        self.scale, self.wavers, self.more_tokens = scale, wavers, more_tokens
        self.windows = 0

    def __call__(self, batch: list[Window]) -> tuple[Tensor, Tensor]:
        self.windows += len(batch)
        tokens, mask = super().__call__([window + self.more_tokens * window for window in batch])
        if self.wavers:
            self.scale += 0.01
        return tokens * self.scale, mask


class EditedTransform(ToyTransform):
    """Reads a sample's first window only, or refuses some."""

    def __init__(self, *, refuses: bool = False) -> None:
        super().__init__(ToyOptions())
        self.refuses = refuses

    def prepare(self, sample: list[Window]) -> list[Window]:
        return sample[:1]

    def decode(self, source: Path | str) -> list[Window]:
        return super().decode("none at all" if self.refuses else source)


def keep(folder: Path, sources: Sequence[Any], *, dtype: str = "float16", **edit: Any) -> None:
    stream = FeatureStream(folder, identity(dtype=dtype))
    encoder = FrozenEncoder(Edited(**edit))
    extract_stored(stream, encoder, ToyTransform(ToyOptions()), sources, max_unusable=0)


def change(
    folder: Path,
    sources: Sequence[Any] = SOURCES,
    *,
    dtype: str = "float16",
    precision: str = "float32",
    encoder: ToyEncoder | None = None,
    transform: Transform | None = None,
) -> Change | None:
    return find_change(
        FeatureStream(folder, identity(dtype=dtype)),
        FrozenEncoder(encoder or ToyEncoder(ToyOptions())),
        transform or ToyTransform(ToyOptions()),
        sources,
    )


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_what_was_rounded_when_it_was_stored_is_no_change(tmp_path: Path, dtype: str) -> None:
    keep(tmp_path, SOURCES, dtype=dtype)
    assert change(tmp_path, dtype=dtype) is None
    assert change(tmp_path, dtype=dtype, encoder=Edited(scale=1 + 5e-6)) is None


@pytest.mark.parametrize(("dtype", "scale"), [("float16", 1.001), ("float32", 1.00003)])
def test_another_number_is_a_change(tmp_path: Path, dtype: str, scale: float) -> None:
    keep(tmp_path, SOURCES, dtype=dtype)
    found = change(tmp_path, dtype=dtype, encoder=Edited(scale=scale))
    assert found is not None
    assert found.source in SOURCES
    assert found.steady


@pytest.mark.parametrize(
    ("encoder", "transform", "says"),
    [
        (Edited(more_tokens=1), None, "tokens instead of"),
        (None, EditedTransform(), "tokens instead of"),
        (None, EditedTransform(refuses=True), "cannot be used"),
    ],
    ids=["more tokens", "fewer windows", "refused"],
)
def test_other_tokens_and_a_changed_preparation_are_changes(
    tmp_path: Path, encoder: ToyEncoder | None, transform: Transform | None, says: str
) -> None:
    keep(tmp_path, SOURCES[:8])
    found = change(tmp_path, SOURCES[:8], encoder=encoder, transform=transform)
    assert found is not None
    assert says in found.difference


def test_an_encoder_that_gives_something_else_at_every_call_is_told_apart(tmp_path: Path) -> None:
    keep(tmp_path, SOURCES)
    found = change(tmp_path, encoder=Edited(wavers=True, scale=1.1))
    assert found is not None
    assert not found.steady


def test_numbers_of_bfloat16_may_differ_more_and_a_change_shows_all_the_same(
    tmp_path: Path,
) -> None:
    own = identity(precision="bfloat16")
    encoder, transform = FrozenEncoder(Edited()), ToyTransform(ToyOptions())
    stream = FeatureStream(tmp_path, own)
    extract_stored(stream, encoder, transform, SOURCES, max_unusable=0)
    for scale, expected in ((1.02, True), (1.2, False)):
        found = find_change(stream, FrozenEncoder(Edited(scale=scale)), transform, SOURCES)
        assert (found is None) == expected


def test_few_rows_are_encoded_and_none_where_none_is_stored(tmp_path: Path) -> None:
    many = [f"{n} 1 2" for n in range(300)]
    idle = Edited(scale=2.0)
    assert change(tmp_path / "nothing", many, encoder=idle) is None
    keep(tmp_path, many)
    assert change(tmp_path, ["7 7 7", "8 8 8"], encoder=idle) is None
    assert idle.windows == 0
    busy = Edited()
    assert change(tmp_path, many, encoder=busy) is None
    assert busy.windows == SAMPLE_ROWS


def test_rows_of_each_file_are_looked_at(tmp_path: Path) -> None:
    """Features of two kinds stand together in a store that an earlier version wrote."""
    keep(tmp_path, SOURCES[:6])
    keep(tmp_path, SOURCES[6:], scale=3.0)
    assert change(tmp_path, encoder=Edited()) is not None
    assert change(tmp_path, encoder=Edited(scale=3.0)) is not None


def test_files_that_are_gone_or_have_another_content_prove_nothing(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.toy" for n in range(3)]
    for number, path in enumerate(paths):
        path.write_text(f"{number} 2 3", encoding="utf-8")
    keep(tmp_path / "kept", paths)
    paths[0].unlink()
    paths[1].write_text("another content", encoding="utf-8")
    doubled = Edited(scale=2.0)
    assert change(tmp_path / "kept", paths[:2], encoder=doubled) is None
    found = change(tmp_path / "kept", paths, encoder=doubled)
    assert found is not None
    assert found.source == paths[2]
