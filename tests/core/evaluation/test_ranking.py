from __future__ import annotations

import statistics
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.evaluation.ranking import (
    cosine_steps,
    first_places,
    relevant_ranks,
    score_steps,
    scored_blocks,
    unit_rows,
)
from spaner_core.evaluation.retrieval import retrieval

SCORES = st.lists(st.integers(-2, 2), min_size=1, max_size=5)


@settings(deadline=None, max_examples=60)
@given(SCORES, st.integers(1, 6))
def test_places_are_the_average_over_every_way_to_break_ties(scores: list[int], k: int) -> None:
    orders = list(permutations(range(len(scores))))
    found = [0.0] * len(scores)
    for order in orders:
        ranked = sorted(order, key=lambda row: -scores[row])  # stable: ties keep this order
        for row in ranked[:k]:
            found[row] += 1 / len(orders)
    steps = torch.tensor([scores], dtype=torch.int32)
    assert first_places(steps, k=k)[0].tolist() == pytest.approx(found)


def test_places_of_no_rows_are_empty_and_a_wrong_k_is_refused() -> None:
    assert first_places(torch.zeros(0, 4, dtype=torch.int32), k=2).shape == (0, 4)
    assert first_places(torch.zeros(3, 0, dtype=torch.int32), k=2).shape == (3, 0)
    for k in (0, -1, 1.5):
        with pytest.raises(ValueError, match=f"k = {k}"):
            first_places(torch.zeros(1, 4, dtype=torch.int32), k=k)


@pytest.mark.parametrize("width", [7, 128])
def test_equal_rows_have_one_score_wherever_they_stand_in_a_gallery(width: int) -> None:
    queries, one = unit_rows(torch.randn(3, width)).float(), unit_rows(torch.randn(1, width))
    for rows in (*range(1, 70), 1025):
        steps = cosine_steps(queries.numpy(), one.float().expand(rows, -1).contiguous().numpy())
        assert steps.shape == (3, rows)
        assert (steps == steps[:, :1]).all()
    assert steps[:, :1].tolist() == score_steps(queries.double(), one.float().double()).tolist()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 9))
def test_ranks_are_those_of_retrieval(seed: int, levels: int) -> None:
    random = torch.Generator().manual_seed(seed)
    a, distinct = torch.randn(6, 4, generator=random), torch.randn(levels, 4, generator=random)
    b = distinct[torch.randint(levels, (15,), generator=random)]
    relevant = torch.rand(6, 15, generator=random) < 0.3
    relevant[:, 0] = True
    first, precision = relevant_ranks(score_steps(unit_rows(a), unit_rows(b)), relevant)
    found = retrieval(a, b, relevant)
    assert statistics.median(first.tolist()) == found.median_rank
    assert statistics.fmean((first <= 5).tolist()) == pytest.approx(found.recall[5])
    assert statistics.fmean(precision.tolist()) == pytest.approx(found.mean_average_precision)


def test_scores_and_marks_that_do_not_fit_are_refused() -> None:
    a, b = torch.ones(3, 4), torch.ones(5, 4)
    with pytest.raises(ValueError, match=r"\(5, 3\) for 3 queries and 5 gallery rows"):
        list(scored_blocks(a, b, torch.ones(5, 3).bool()))
    with pytest.raises(ValueError, match="4 and 3 wide"):
        list(scored_blocks(a, b[:, :3], torch.ones(3, 5).bool()))
