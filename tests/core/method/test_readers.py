from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import spaner_core
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.contract.modality import FeatureSpec, Reader
from spaner_core.contract.options import OptionError
from spaner_core.method.readers import (
    READERS,
    FlattenTokens,
    MeanTokens,
    PoolTokens,
    build_reader,
)
from torch import Tensor
from torch.nn import functional

from tests.core.method import every_reader

SPEC = FeatureSpec(dim=3, tokens=6)
GUIDE = (Path(__file__).parents[3] / "docs/writing-a-plugin.md").read_text(encoding="utf-8")


def rows(seed: int, *lengths: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(len(lengths), max(lengths), 3, generator=generator)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    return values, mask


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 12), min_size=1, max_size=4),
    st.integers(1, 7),
)
def test_pooling_cuts_each_row_as_adaptive_average_pooling_does(
    seed: int, lengths: list[int], segments: int
) -> None:
    values, mask = rows(seed, *lengths)
    pooled = PoolTokens(FeatureSpec(dim=3), segments=segments)(values, mask)
    for row, length, given_back in zip(values, lengths, pooled, strict=True):
        alone = functional.adaptive_avg_pool1d(row[:length].T.unsqueeze(0), segments)[0].T
        torch.testing.assert_close(given_back, alone.flatten(), atol=1e-5, rtol=1e-5)


@pytest.fixture(params=every_reader.NAMES)
def reader(request: pytest.FixtureRequest) -> Reader:
    return every_reader.build(request.param, SPEC)


def test_a_reader_is_as_wide_as_it_says_and_reads_rows_one_by_one(reader: Reader) -> None:
    values, mask = rows(1, 6, 2, 5)
    read = reader(values, mask)
    assert read.shape == (3, reader.width)
    for place in range(3):
        alone = reader(values[place : place + 1], mask[place : place + 1])[0]
        torch.testing.assert_close(alone, read[place])


def test_what_stands_in_masked_tokens_does_not_matter(reader: Reader) -> None:
    values, mask = rows(2, 6, 2, 5)
    noisy = torch.where(mask.unsqueeze(-1), values, torch.full_like(values, 1e3))
    torch.testing.assert_close(reader(noisy, mask), reader(values, mask))


@pytest.mark.parametrize("name", every_reader.FOR_ANY_NUMBER)
def test_padding_changes_nothing_wherever_it_stands(name: str) -> None:
    reader = every_reader.build(name, FeatureSpec(dim=3))
    values, mask = rows(3, 4, 4)
    padded = functional.pad(values, (0, 0, 2, 3), value=9.0)
    padded_mask = functional.pad(mask, (2, 3), value=False)
    torch.testing.assert_close(reader(padded, padded_mask), reader(values, mask))


def test_a_row_without_tokens_reads_as_zero(reader: Reader) -> None:
    values, mask = rows(4, 6, 6)
    mask[1] = False
    read = reader(values, mask)
    assert not read[1].any()
    assert read[0].any()


def test_flattening_keeps_every_token_in_its_place() -> None:
    values, mask = rows(5, 6)
    mask[0, 2] = False
    flat = FlattenTokens(SPEC)(values, mask).reshape(6, 3)
    for place in range(6):
        expected = torch.zeros(3) if place == 2 else values[0, place]
        assert torch.equal(flat[place], expected)


def test_flattening_a_varying_number_of_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="fixed number of tokens"):
        FlattenTokens(FeatureSpec(dim=3))


def test_pooling_keeps_order_and_the_mean_forgets_it() -> None:
    values, mask = rows(6, 6)
    turned = values.flip(1)
    pool, mean = PoolTokens(SPEC, segments=4), MeanTokens(SPEC)
    torch.testing.assert_close(mean(turned, mask), mean(values, mask))
    pooled = pool(values, mask).reshape(4, 3)
    torch.testing.assert_close(pool(turned, mask).reshape(4, 3), pooled.flip(0))
    assert not torch.allclose(pooled, pooled.flip(0))


class Loudest(MeanTokens):
    """A plugin's own reader, which it chooses where nobody names one."""

    name = "loudest"

    def __init__(self, features: FeatureSpec, *, power: int) -> None:
        super().__init__(features)
        self.options = {"power": power}  # type: ignore[misc]


def own(features: FeatureSpec, options: Mapping[str, object]) -> Reader:
    power = options.get("power", 2)
    assert isinstance(power, int)
    return Loudest(features, power=power)


def test_a_modality_without_a_reader_of_its_own_takes_the_mean() -> None:
    assert type(build_reader(SPEC, {})) is MeanTokens


def test_a_plugins_own_reader_is_built_again_from_its_name_and_options() -> None:
    check_built_again(Loudest(SPEC, power=3))


def test_a_reader_is_built_again_from_its_name_and_options(reader: Reader) -> None:
    check_built_again(reader)


def check_built_again(reader: Reader) -> None:
    again = build_reader(SPEC, {"name": reader.name, **reader.options}, own=own)
    assert type(again) is type(reader)
    assert (again.name, again.options, again.width) == (reader.name, reader.options, reader.width)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "poll", "segments": 4}, "'poll' is no reader of this modality; expected flatten"),
        ({"name": "pool"}, "segments is not given; expected a whole number"),
        ({"name": "pool", "segments": 0}, "segments is 0; give a whole number"),
        ({"name": "pool", "segments": "4 or 5"}, "expected a whole number"),
        ({"name": "mean", "segments": 4}, "unknown key 'segments'"),
        ({"name": "loudest", "pwoer": 3}, "does not take pwoer = 3"),
        ({"segments": 4}, "segments given without a name"),
        ({"name": 7}, "7 is no reader"),
    ],
)
def test_a_reader_that_nobody_has_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError) as caught:
        build_reader(SPEC, options, own=own)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_reader_that_does_not_fit_the_features_is_refused() -> None:
    with pytest.raises(OptionError, match=r"'flatten'.*fixed number of tokens"):
        build_reader(FeatureSpec(dim=3), {"name": "flatten"})


@pytest.mark.parametrize("name", READERS)
def test_every_reader_is_in_the_guide_and_can_be_imported(name: str) -> None:
    kind = READERS[name][0].__name__
    section = GUIDE.partition("\n### Readers\n")[2].partition("\n##")[0]
    assert re.search(rf"^\| `{kind}\(.*\)` \| `{name}` \|", section, re.M), (
        f"add a line for {kind} to the table in docs/writing-a-plugin.md, section Readers"
    )
    assert hasattr(spaner_core, kind), f"add {kind} to the names of core/spaner_core/__init__.py"
