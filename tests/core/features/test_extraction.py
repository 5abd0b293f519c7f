from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core.contract.modality import Encoder, FeatureSpec
from spaner_core.contract.transform import Transform
from spaner_core.errors import DataError, PluginError
from spaner_core.features.in_memory import extract
from spaner_core.features.rows import FeatureRows
from spaner_core.pretrained.freeze import FrozenEncoder
from torch import Tensor, nn

from tests.toy_modality import ToyEncoder, ToyOptions, ToyTransform

TRANSFORM = ToyTransform(ToyOptions())
SOURCES = ["1 2 3", "1 0 0; 0 1 0 | 4 5 6", "7 8 9 | 1 1 1 | 2 2 2; 3 3 3", "0 0 1; 0 0 2"]


class LinearEncoder(nn.Module):
    """Synthetic weights: rows of a batch are multiplied together, as real models do."""

    features = FeatureSpec(dim=64)
    fingerprint = "linear"

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(3, 256), nn.GELU(), nn.Linear(256, 64))
        self.toy = ToyEncoder(ToyOptions())

    def collate(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return list(inputs)

    def forward(self, batch: list[Tensor]) -> tuple[Tensor, Tensor]:
        tokens, mask = self.toy(batch)
        return self.layers(tokens), mask


class BrokenEncoder(ToyEncoder):
    """Gives whatever it is told to, whatever its FeatureSpec says."""

    def __init__(self, values: Any, mask: Any, *, tokens: int | None = None) -> None:
        super().__init__(ToyOptions())
        self.features = FeatureSpec(dim=3, tokens=tokens)
        self.given = values, mask

    def __call__(self, batch: list[Tensor]) -> tuple[Tensor, Tensor]:
        return self.given


def toy(sources: Sequence[Path | str], **settings: Any) -> FeatureRows:
    return extract(ToyEncoder(ToyOptions()), TRANSFORM, sources, **settings)


def test_the_toy_is_what_the_contract_asks_for() -> None:
    assert isinstance(ToyEncoder(ToyOptions()), Encoder)
    assert isinstance(TRANSFORM, Transform)


def test_windows_of_a_sample_are_joined_in_order() -> None:
    rows = toy(SOURCES)
    assert rows.values.shape == (4, 4, 3)
    assert rows.mask.sum(dim=1).tolist() == [1, 3, 4, 2]
    assert rows.values[1].tolist() == [[1, 0, 0], [0, 1, 0], [4, 5, 6], [0, 0, 0]]
    assert rows.values[2].tolist() == [[7, 8, 9], [1, 1, 1], [2, 2, 2], [3, 3, 3]]
    assert not rows.values[~rows.mask].any()


@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
def test_the_batch_size_does_not_change_the_features(batch_size: int) -> None:
    encoder = FrozenEncoder(LinearEncoder())
    sources = SOURCES * 5
    whole = extract(encoder, TRANSFORM, sources, batch_size=len(sources) * 4)
    rows = extract(encoder, TRANSFORM, sources, batch_size=batch_size)
    assert torch.equal(rows.mask, whole.mask)
    assert rows.values.dtype == torch.float32
    worst = (rows.values - whole.values).abs().max() / whole.values.abs().max()
    assert worst <= 1e-5


def test_equal_inputs_give_equal_features_and_files_read_as_text(tmp_path: Path) -> None:
    path = tmp_path / "a.toy"
    path.write_text(SOURCES[1], encoding="utf-8")
    rows = toy([SOURCES[1], path, SOURCES[1]])
    assert torch.equal(rows.values[0], rows.values[1])
    assert torch.equal(rows.values[0], rows.values[2])


def test_no_sources_give_no_rows_of_the_encoders_width() -> None:
    rows = toy([])
    assert len(rows) == 0
    assert rows.values.shape[2] == 3
    assert rows.mask.shape == rows.values.shape[:2]


def test_one_unusable_source_is_told_in_one_line_with_its_reason() -> None:
    with pytest.raises(DataError) as caught:
        toy([*SOURCES, "1 2 three"])
    message = str(caught.value)
    assert message.startswith("'1 2 three': ")
    assert "three" in message.removeprefix("'1 2 three'")
    assert "\n" not in message


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_every_unusable_source_is_named_whatever_the_batch(tmp_path: Path, batch_size: int) -> None:
    path = tmp_path / "short.toy"
    path.write_text("1 2", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        toy(["1 2 x", *SOURCES, path, "1", *SOURCES], batch_size=batch_size)
    message = str(caught.value)
    assert message.startswith("3 of 11 inputs cannot be used")
    assert all(name in message for name in ("'1 2 x'", str(path), "'1'"))


@pytest.mark.parametrize(("wrong", "more"), [(10, None), (11, "... and 1 more"), (25, "15 more")])
def test_more_than_ten_unusable_sources_are_summed_up(wrong: int, more: str | None) -> None:
    with pytest.raises(DataError) as caught:
        toy([f"wrong{i}" for i in range(wrong)], batch_size=4)
    message = str(caught.value)
    assert message.startswith(f"{wrong} of {wrong} inputs")
    assert [f"'wrong{i}'" in message for i in range(wrong)] == [i < 10 for i in range(wrong)]
    assert (more in message) if more else ("more" not in message)


@pytest.mark.parametrize(
    ("values", "mask", "tokens"),
    [
        (torch.ones(1, 2, 4), torch.ones(1, 2).bool(), None),
        (torch.ones(1, 2, 3), torch.ones(1, 3).bool(), None),
        (torch.ones(1, 2, 3), torch.ones(1, 2).bool(), 5),
        (torch.ones(2, 3), torch.ones(1, 2).bool(), None),
    ],
    ids=["width", "mask", "tokens", "axes"],
)
def test_an_encoder_that_breaks_its_promise_is_blamed(
    values: Tensor, mask: Tensor, tokens: int | None
) -> None:
    with pytest.raises(DataError, match=r"'1 2 3': .*FeatureSpec"):
        extract(BrokenEncoder(values, mask, tokens=tokens), TRANSFORM, ["1 2 3"])


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_an_encoder_that_gives_another_number_of_rows_is_blamed(rows: int) -> None:
    values, mask = torch.ones(rows, 1, 3), torch.ones(rows, 1).bool()
    with pytest.raises((PluginError, DataError)):
        extract(BrokenEncoder(values, mask), TRANSFORM, ["1 2 3", "4 5 6"])


def test_a_transform_that_prepares_no_window_is_blamed_or_its_input_is() -> None:
    class Silent(ToyTransform):
        def prepare(self, sample: str) -> list[Tensor]:
            return []

    with pytest.raises(DataError):
        extract(ToyEncoder(ToyOptions()), Silent(ToyOptions()), ["1 2 3"])


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_features_that_are_no_numbers_are_refused(wrong: float) -> None:
    values = torch.ones(1, 2, 3)
    values[0, 1, 2] = wrong
    with pytest.raises(DataError, match=r"'1 2 3': .*NaN"):
        extract(BrokenEncoder(values, torch.ones(1, 2).bool()), TRANSFORM, ["1 2 3"])


def test_what_an_encoder_leaves_in_padding_does_not_matter() -> None:
    values, mask = torch.ones(1, 2, 3), torch.tensor([[True, False]])
    values[0, 1] = float("nan")
    rows = extract(BrokenEncoder(values, mask), TRANSFORM, ["1 2 3"])
    assert rows.values.tolist() == [[[1, 1, 1]]]
