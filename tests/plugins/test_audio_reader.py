"""How audio reads tokens of few and of many, of a fixed and of a varying number."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from spaner_audio import spaner_build_reader
from spaner_core import FLATTEN_LIMIT, FeatureSpec
from torch import Tensor

VARYING = FeatureSpec(dim=6)
SUMMED_UP = FeatureSpec(dim=6, prefix_tokens=2)


def reader(features: FeatureSpec) -> Any:
    return spaner_build_reader(features=features, options={})


def read(features: FeatureSpec, tokens: Tensor) -> Tensor:
    mask = torch.ones(tokens.shape[:2], dtype=torch.bool)
    read: Tensor = reader(features)(tokens, mask)
    assert read.shape == (len(tokens), reader(features).width)
    return read


def test_the_builtins_tokens_are_read_side_by_side() -> None:
    spec = FeatureSpec(dim=40, tokens=17, grid=(16,), prefix_tokens=1)
    tokens = torch.randn(2, 17, 40)
    assert torch.equal(read(spec, tokens), tokens.flatten(1))


@pytest.mark.parametrize("spec", [VARYING, SUMMED_UP])
def test_a_varying_number_of_tokens_is_read_in_order_of_time(spec: FeatureSpec) -> None:
    tokens = torch.randn(1, 40, 6)
    assert not torch.allclose(read(spec, tokens), read(spec, tokens.flip(1)))
    within_a_stretch = tokens.clone()
    within_a_stretch[:, [12, 14]] = tokens[:, [14, 12]]
    torch.testing.assert_close(read(spec, tokens), read(spec, within_a_stretch))


def test_tokens_that_sum_a_recording_up_are_read_apart() -> None:
    tokens = torch.randn(1, 30, 6)
    both = read(SUMMED_UP, tokens)
    assert torch.equal(both[:, :12], tokens[:, :2].flatten(1))
    torch.testing.assert_close(both[:, 12:], read(VARYING, tokens[:, 2:]))


def test_many_fixed_tokens_are_read_in_stretches() -> None:
    spec = FeatureSpec(dim=80, tokens=201, grid=(200,), prefix_tokens=1)
    assert read(spec, torch.randn(2, 201, 80)).shape[1] == 5 * 80 <= FLATTEN_LIMIT
