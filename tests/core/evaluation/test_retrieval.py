from __future__ import annotations

import dataclasses
import math
import statistics

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score
from spaner_core.evaluation import ranking as blocks_module
from spaner_core.evaluation.retrieval import Retrieval, retrieval
from torch import Tensor


def scene(
    seed: int, *, queries: int = 9, gallery: int = 23, levels: int | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Random vectors and marks; with `levels`, few distinct vectors and so many equal scores."""
    random = torch.Generator().manual_seed(seed)
    a = torch.randn(queries, 5, generator=random)
    b = torch.randn(gallery, 5, generator=random)
    if levels is not None:
        b = torch.randn(levels, 5, generator=random)[
            torch.randint(levels, (gallery,), generator=random)
        ]
    return a, b, torch.rand(queries, gallery, generator=random) < 0.2


def slow_retrieval(a: Tensor, b: Tensor, relevant: Tensor) -> Retrieval:
    ks = (1, 5, 10)
    firsts, precisions = [], []
    for q in range(len(a)):
        ranked = []
        for g in range(len(b)):
            x, y = [float(v) for v in a[q]], [float(v) for v in b[g]]
            dot = sum(i * j for i, j in zip(x, y, strict=True))
            score = dot / math.sqrt(sum(i * i for i in x) * sum(j * j for j in y))
            ranked.append((-round(score, 6), bool(relevant[q, g])))
        ranked.sort()  # equal scores: False, not relevant, comes first
        places = [place for place, (_, hit) in enumerate(ranked, start=1) if hit]
        if places:
            firsts.append(places[0])
            precisions.append(statistics.fmean(n / p for n, p in enumerate(places, start=1)))
    n = len(firsts)
    return Retrieval(
        recall={k: sum(r <= k for r in firsts) / n if n else None for k in ks},
        mrr=sum(1 / r for r in firsts if r <= 10) / n if n else None,
        mean_average_precision=statistics.fmean(precisions) if n else None,
        median_rank=float(statistics.median(firsts)) if n else None,
        queries=len(a),
        unanswerable=len(a) - n,
    )


def assert_equal(found: Retrieval, expected: Retrieval) -> None:
    for field in dataclasses.fields(Retrieval):
        figure = getattr(found, field.name)
        assert figure == pytest.approx(getattr(expected, field.name)), field.name


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from([None, 1, 2, 4]), st.integers(1, 14))
def test_figures_equal_a_slow_loop_with_and_without_ties(
    seed: int, levels: int | None, gallery: int
) -> None:
    a, b, relevant = scene(seed, gallery=gallery, levels=levels)
    assert_equal(retrieval(a, b, relevant), slow_retrieval(a, b, relevant))


@pytest.mark.parametrize("seed", range(5))
def test_map_equals_scikit_learn(seed: int) -> None:
    a, b, relevant = scene(seed)
    relevant[:, 0] = True
    scores = torch.nn.functional.normalize(a) @ torch.nn.functional.normalize(b).T
    expected = np.mean(
        [
            average_precision_score(m, s)
            for m, s in zip(relevant.numpy(), scores.numpy(), strict=True)
        ]
    )
    assert retrieval(a, b, relevant).mean_average_precision == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([None, 1, 3]))
def test_order_of_gallery_and_length_of_vectors_do_not_matter(
    seed: int, levels: int | None
) -> None:
    a, b, relevant = scene(seed, levels=levels)
    order = torch.randperm(len(b), generator=torch.Generator().manual_seed(seed))
    assert_equal(retrieval(3 * a, 0.1 * b[order], relevant[:, order]), retrieval(a, b, relevant))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_figures_stay_in_bounds_and_recall_grows_with_k(seed: int) -> None:
    found = retrieval(*scene(seed), ks=(1, 2, 5, 23))
    assert 0 <= found.recall[1] <= found.recall[2] <= found.recall[5] <= found.recall[23] == 1
    assert found.recall[1] <= found.mrr <= 1
    assert 0 < found.mean_average_precision <= 1
    assert 1 <= found.median_rank <= 23


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_perfect_ranking_and_the_worst_one(dtype: torch.dtype) -> None:
    concepts = torch.arange(4).repeat_interleave(3)
    vectors = torch.eye(4, dtype=dtype)[concepts]
    relevant = concepts.unsqueeze(1) == concepts
    best = retrieval(vectors, vectors, relevant)
    assert (best.recall[1], best.mrr, best.mean_average_precision, best.median_rank) == (1, 1, 1, 1)
    worst = retrieval(-vectors, vectors, relevant)
    assert (worst.recall[1], worst.recall[5], worst.median_rank) == (0, 0, 10)
    assert worst.mrr == pytest.approx(1 / 10)
    assert worst.mean_average_precision == pytest.approx((1 / 10 + 2 / 11 + 3 / 12) / 3)


@pytest.mark.parametrize("noise", [0.0, 1e-8])
def test_a_constant_embedding_finds_nothing(noise: float) -> None:
    concepts = torch.arange(40) // 2
    random = torch.Generator().manual_seed(0)
    vectors = torch.full((40, 16), 0.7) + noise * torch.randn(40, 16, generator=random)
    found = retrieval(vectors, vectors, concepts.unsqueeze(1) == concepts)
    assert found.recall == {1: 0, 5: 0, 10: 0}
    assert (found.mrr, found.median_rank) == (0, 39)
    # each modality a point of its own: now float32 noise is of first order in the cosine
    queries = torch.tensor([[1.0, 0.0]]).repeat(40, 1)
    gallery = torch.tensor([[0.6, 0.8]]).repeat(40, 1)
    gallery += 4 * noise * torch.randn(40, 2, generator=random)
    assert retrieval(queries, gallery, torch.eye(40).bool()).median_rank == 40
    zeros = torch.zeros(40, 16)
    assert retrieval(zeros, zeros, torch.eye(40).bool()).median_rank == 40


def test_unanswerable_queries_are_counted_and_left_out() -> None:
    a, b, relevant = scene(1)
    relevant[::2] = False
    relevant[1::2, 0] = True
    found = retrieval(a, b, relevant)
    assert (found.queries, found.unanswerable) == (9, 5)
    answerable = retrieval(a[1::2], b, relevant[1::2])
    assert found.recall == answerable.recall
    assert found.mean_average_precision == answerable.mean_average_precision


@pytest.mark.parametrize(("queries", "gallery"), [(3, 4), (3, 0), (0, 4)])
def test_without_an_answerable_query_figures_are_none(queries: int, gallery: int) -> None:
    found = retrieval(
        torch.ones(queries, 2), torch.ones(gallery, 2), torch.zeros(queries, gallery).bool()
    )
    assert found == Retrieval(
        recall={1: None, 5: None, 10: None},
        mrr=None,
        mean_average_precision=None,
        median_rank=None,
        queries=queries,
        unanswerable=queries,
    )


def test_blocks_do_not_change_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, relevant = scene(2, levels=5)
    whole = retrieval(a, b, relevant)
    monkeypatch.setattr(blocks_module, "BLOCK_ENTRIES", 50)  # two queries a block
    assert_equal(retrieval(a, b, relevant), whole)


def test_wrong_input_is_refused() -> None:
    a, b, relevant = scene(0)
    with pytest.raises(ValueError, match=r"\(23, 9\) for 9 queries and 23 gallery rows"):
        retrieval(a, b, relevant.T)
    with pytest.raises(ValueError, match="k = 0"):
        retrieval(a, b, relevant, ks=(0, 1))
    with pytest.raises(ValueError, match=r"ks \[5, 1, 5\]; expected different ones"):
        retrieval(a, b, relevant, ks=(5, 1, 5))
    a[2, 1] = torch.nan
    with pytest.raises(ValueError, match="1 of 9 vectors with NaN"):
        retrieval(a, b, relevant)
