from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors
from spaner_core.data.matches import Labels, positives
from spaner_core.evaluation import ranking as blocks_module
from spaner_core.evaluation.coherence import (
    coherence_by_pair,
    knn_agreement,
    matched_cosine,
    modality_gap,
    unmatched_cosine,
)

SEEDS = st.integers(0, 10**6)


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def cosine(x: list[float], y: list[float]) -> float:
    dot = sum(i * j for i, j in zip(x, y, strict=True))
    return dot / math.sqrt(sum(i * i for i in x) * sum(j * j for j in y))


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_cosines_equal_a_slow_loop_and_are_symmetric(seed: int) -> None:
    a, b = draw(seed, 7, 4), draw(seed + 1, 9, 4)
    mask = draw(seed + 2, 7, 9) > 0
    values = {True: [], False: []}
    for i in range(7):
        for j in range(9):
            values[bool(mask[i, j])].append(cosine(a[i].tolist(), b[j].tolist()))
    assert matched_cosine(a, b, mask) == pytest.approx(sum(values[True]) / len(values[True]))
    assert unmatched_cosine(a, b, mask) == pytest.approx(sum(values[False]) / len(values[False]))
    assert matched_cosine(b, a, mask.T) == pytest.approx(matched_cosine(a, b, mask))
    assert matched_cosine(a, b, ~mask) == pytest.approx(unmatched_cosine(a, b, mask))


def test_cosines_without_pairs_are_none() -> None:
    a = draw(0, 3, 4)
    assert matched_cosine(a, a, torch.zeros(3, 3).bool()) is None
    assert unmatched_cosine(a, a, torch.ones(3, 3).bool()) is None
    with pytest.raises(ValueError, match=r"mask \(2, 3\)"):
        matched_cosine(a, a, torch.ones(2, 3).bool())


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_gap_equals_a_slow_loop_and_ignores_the_length_of_vectors(seed: int) -> None:
    a, b = draw(seed, 6, 3), draw(seed + 1, 4, 3)
    squares = 0.0
    for d in range(3):
        mean_a = sum(float(x[d]) / math.dist(x.tolist(), [0, 0, 0]) for x in a) / 6
        mean_b = sum(float(x[d]) / math.dist(x.tolist(), [0, 0, 0]) for x in b) / 4
        squares += (mean_a - mean_b) ** 2
    assert modality_gap(a, b) == pytest.approx(math.sqrt(squares), rel=1e-5)
    lengths = torch.rand(6, 1, generator=torch.Generator().manual_seed(seed)) + 0.5
    assert modality_gap(b, lengths * a) == pytest.approx(modality_gap(a, b), rel=1e-5)
    assert 0 <= modality_gap(a, b) <= 2


def test_gap_at_its_ends() -> None:
    a = torch.tensor([[1.0, 0.0]]).repeat(5, 1)
    assert modality_gap(a, a) == 0
    assert modality_gap(a, -a) == pytest.approx(2)
    assert modality_gap(a, a[:0]) is None
    with pytest.raises(ValueError, match="one width"):
        modality_gap(a, a[:, :1])


def neighbour_sets(vectors: torch.Tensor, k: int) -> list[set[int]]:
    search = NearestNeighbors(n_neighbors=k, metric="cosine").fit(vectors.numpy())
    return [set(row) for row in search.kneighbors(return_distance=False).tolist()]


@pytest.mark.parametrize(("seed", "k"), [(0, 1), (1, 3), (2, 10), (3, 28)])
def test_knn_agreement_equals_scikit_learn(seed: int, k: int) -> None:
    reference = draw(seed, 30, 6)
    embedding = reference[:, :4] + 0.5 * draw(seed + 9, 30, 4)
    pairs = zip(neighbour_sets(embedding, k), neighbour_sets(reference, k), strict=True)
    expected = sum(len(mine & theirs) for mine, theirs in pairs) / (30 * k)
    assert knn_agreement(embedding, reference, k=k) == pytest.approx(expected)


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.integers(1, 6))
def test_knn_agreement_is_symmetric_bounded_and_ignores_the_order_of_rows(
    seed: int, k: int
) -> None:
    # few distinct rows, hence ties
    distinct = draw(seed, 5, 3)
    a = distinct[torch.randint(5, (12,), generator=torch.Generator().manual_seed(seed))]
    b = draw(seed + 1, 12, 4)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(seed))
    found = knn_agreement(a, b, k=k)
    assert 0 <= found <= 1
    assert knn_agreement(b, a, k=k) == pytest.approx(found)
    assert knn_agreement(a[order], b[order], k=k) == pytest.approx(found)
    assert knn_agreement(b, 2 * b, k=k) == pytest.approx(1)


def test_a_constant_embedding_keeps_neighbours_by_chance_only() -> None:
    reference, constant = draw(0, 21, 6), torch.ones(21, 4)
    assert knn_agreement(constant, reference, k=5) == pytest.approx(5 / 20)
    assert knn_agreement(constant, constant, k=5) == pytest.approx(5 / 20)


@pytest.mark.parametrize("rows", [0, 1, 2, 9, 10, 11])
def test_too_few_rows_to_tell_neighbours_apart_give_none(rows: int) -> None:
    assert knn_agreement(draw(0, rows, 4), draw(1, rows, 3), k=10) is None


def test_knn_agreement_begins_with_k_plus_two_rows_and_refuses_other_rows() -> None:
    a = draw(0, 12, 4)
    assert knn_agreement(a, draw(1, 12, 3), k=10) < 1
    with pytest.raises(ValueError, match="12 and 11 rows"):
        knn_agreement(a, a[:-1])
    with pytest.raises(ValueError, match="k = 0"):
        knn_agreement(a, a, k=0)


def test_blocks_do_not_change_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, mask = draw(0, 17, 4), draw(1, 17, 4), draw(2, 17, 17) > 0
    whole = matched_cosine(a, b, mask), unmatched_cosine(a, b, mask), knn_agreement(a, b, k=3)
    monkeypatch.setattr(blocks_module, "BLOCK_ENTRIES", 70)  # four rows a block
    parts = matched_cosine(a, b, mask), unmatched_cosine(a, b, mask), knn_agreement(a, b, k=3)
    assert parts == pytest.approx(whole)


def by_pair_scene() -> tuple[dict[str, torch.Tensor], dict[str, Labels]]:
    embeddings = {name: draw(seed, 14, 5) for seed, name in enumerate(("red", "blue", "green"))}
    labels = {
        name: Labels(concepts=torch.arange(14) % (3 + place), items=torch.full((14,), -1))
        for place, name in enumerate(embeddings)
    }
    return embeddings, labels


def test_by_pair_names_each_pair_once_in_alphabetical_order() -> None:
    embeddings, labels = by_pair_scene()
    references = {"green": draw(8, 14, 9)}
    figures = coherence_by_pair(embeddings, labels, references=references, k=4)
    pairs = ("blue_to_green", "blue_to_red", "green_to_red")
    kinds = ("matched_cosine", "unmatched_cosine", "modality_gap")
    assert list(figures) == [f"{p}_{kind}" for p in pairs for kind in kinds] + [
        "green_knn_agreement"
    ]
    a, b = embeddings["blue"], embeddings["red"]
    known = labels["blue"], labels["red"]
    mask = positives(known[0].concepts, known[0].items, known[1].concepts, known[1].items)
    assert figures["blue_to_red_matched_cosine"] == pytest.approx(matched_cosine(a, b, mask))
    assert figures["blue_to_red_unmatched_cosine"] == pytest.approx(unmatched_cosine(a, b, mask))
    assert figures["blue_to_red_modality_gap"] == modality_gap(a, b)
    assert figures["green_knn_agreement"] == knn_agreement(
        embeddings["green"], references["green"], k=4
    )


def test_by_pair_counts_a_repeated_sample_once() -> None:
    embeddings, labels = by_pair_scene()
    references = {name: draw(5, 14, 9) for name in embeddings}
    plain = coherence_by_pair(embeddings, labels, references=references, k=4)
    # red's first sample comes again, with the same concept, in front and at the end
    rows = torch.tensor([0, *range(14), 0])
    again = Labels(
        concepts=labels["red"].concepts[rows], items=labels["red"].items[rows], samples=rows + 5
    )
    repeated = coherence_by_pair(
        {**embeddings, "red": embeddings["red"][rows]},
        {**labels, "red": again},
        references={**references, "red": references["red"][rows]},
        k=4,
    )
    assert repeated == pytest.approx(plain)


def test_by_pair_refuses_a_reference_of_nobody_or_of_other_rows() -> None:
    embeddings, labels = by_pair_scene()
    with pytest.raises(ValueError, match="references for pink"):
        coherence_by_pair(embeddings, labels, references={"pink": draw(0, 14, 3)})
    with pytest.raises(ValueError, match="same modalities and rows"):
        coherence_by_pair(embeddings, labels, references={"red": draw(0, 13, 3)})
