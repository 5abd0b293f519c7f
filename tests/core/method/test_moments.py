from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from spaner_core.method.statistics import Moments
from torch import Tensor


def rows(count: int, *, mean: float = 0.0, deviation: float = 1.0, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return mean + deviation * torch.randn(count, 3, generator=generator, dtype=torch.float64)


def moments(batches: list[Tensor]) -> Moments:
    found = Moments(3)
    for batch in batches:
        found.add(batch)
    return found


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    mean=st.floats(-1e6, 1e6),
    deviation=st.floats(1e-3, 1e3),
)
def test_moments_do_not_depend_on_how_rows_are_cut(
    sizes: list[int], mean: float, deviation: float
) -> None:
    whole = rows(sum(sizes), mean=mean, deviation=deviation)
    found = moments(list(whole.split(sizes)))
    assert found.count == len(whole)
    torch.testing.assert_close(found.mean, whole.mean(dim=0), rtol=1e-12, atol=1e-12)
    expected = whole.std(dim=0, correction=0)
    torch.testing.assert_close(found.deviation, expected, rtol=1e-6, atol=1e-9 * deviation)


def test_a_deviation_far_smaller_than_the_mean_is_not_lost() -> None:
    whole = rows(3000, mean=1e7, deviation=1e-2)
    found = moments(list(whole.split(7)))
    torch.testing.assert_close(found.deviation, whole.std(dim=0, correction=0), rtol=1e-5, atol=0)


def test_rows_of_single_precision_are_summed_in_double() -> None:
    whole = rows(5000, mean=100).float()
    found = moments(list(whole.split(1)))
    torch.testing.assert_close(found.mean, whole.double().mean(dim=0), rtol=1e-14, atol=0)


@pytest.mark.parametrize("count", [1, 5])
def test_rows_that_are_all_alike_do_not_deviate(count: int) -> None:
    found = moments([torch.full((count, 3), 0.1)] * 3)
    assert not found.deviation.any()


def test_no_rows_have_no_deviation() -> None:
    assert Moments(3).deviation.tolist() == [0, 0, 0]
