from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from spaner_core.method.statistics import ConceptMeans, ConceptSums
from torch import Tensor
from torch.nn import functional


def unit(seed: int, *shape: int) -> Tensor:
    return functional.normalize(
        torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1
    )


def fitted(rows: Tensor, concepts: list[int], count: int, *, sharpness: float = 20.0):  # noqa: ANN201
    sums = ConceptSums(rows.shape[1], concept_count=count)
    sums.add(rows, torch.tensor(concepts).long())
    means = ConceptMeans(rows.shape[1], sharpness=sharpness)
    means.fit(sums)
    return means


def test_means_are_the_mean_directions_of_the_rows_of_each_concept() -> None:
    rows = unit(0, 6, 4)
    means = fitted(rows, [0, 2, 0, -1, 2, 2], 4)
    for concept, members in {0: [0, 2], 2: [1, 4, 5]}.items():
        total = sum(rows[i] for i in members)
        torch.testing.assert_close(means.means[concept], total / total.norm())
    assert means.support.tolist() == [2, 0, 3, 0]
    assert not means.means[[1, 3]].any()


@given(
    sizes=st.lists(st.integers(0, 20), min_size=1, max_size=10),
    concepts=st.lists(st.integers(-1, 4), min_size=200, max_size=200),
)
def test_means_do_not_depend_on_how_rows_are_cut(sizes: list[int], concepts: list[int]) -> None:
    rows, known = unit(3, sum(sizes), 4), torch.tensor(concepts[: sum(sizes)]).long()
    sums = ConceptSums(4, concept_count=5)
    for part, labels in zip(rows.split(sizes), known.split(sizes), strict=True):
        sums.add(part, labels)
    means = ConceptMeans(4, sharpness=20.0)
    means.fit(sums)
    whole = fitted(rows, known.tolist(), 5)
    torch.testing.assert_close(means.means, whole.means)
    assert torch.equal(means.support, whole.support)


@pytest.mark.parametrize("rows_each", [1, 4, 16])
def test_many_rows_a_concept_soften_the_comparison(rows_each: int) -> None:
    rows = torch.eye(3).repeat(rows_each, 1)
    likeness = fitted(rows, [0, 1, 2] * rows_each, 3)(torch.eye(3))
    expected = 20 / (1 + rows_each / 4)
    torch.testing.assert_close(likeness, torch.eye(3) * expected)


def test_a_concept_without_rows_gets_the_mean_of_the_others() -> None:
    means = fitted(unit(1, 6, 4), [0, 1, 3, 0, 1, 3], 5)
    likeness = means(unit(2, 7, 4))
    assert likeness.shape == (7, 5)
    for absent in (2, 4):
        torch.testing.assert_close(likeness[:, absent], likeness[:, [0, 1, 3]].mean(dim=-1))


def test_without_any_labelled_row_no_concept_is_favoured() -> None:
    means = fitted(unit(1, 3, 4), [-1, -1, -1], 5)
    assert torch.equal(means(unit(2, 2, 4)), torch.zeros(2, 5))
    assert ConceptMeans(4, sharpness=20)(unit(2, 2, 4)).shape == (2, 0)


def test_no_sharpness_leaves_the_means_out() -> None:
    assert not fitted(unit(1, 4, 4), [0, 1, 0, 1], 2, sharpness=0.0)(unit(2, 3, 4)).any()


def test_stored_means_load_into_one_that_has_seen_no_rows_or_other_rows() -> None:
    stored = fitted(unit(1, 6, 4), [0, 1, 3, 0, 1, 3], 5)
    for fresh in (ConceptMeans(4, sharpness=20.0), fitted(unit(7, 2, 4), [0, 1], 2)):
        fresh.load_state_dict(stored.state_dict())
        assert torch.equal(fresh(unit(2, 3, 4)), stored(unit(2, 3, 4)))
