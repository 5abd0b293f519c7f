from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.method.trust import compare, sum_weighted, weigh_labels
from torch import Tensor
from torch.nn import functional

SEEDS = st.integers(0, 10**6)
COUNT = 4


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clustered(seed: int, each: int, *, noise: float = 0.3) -> tuple[Tensor, Tensor]:
    """Unit features of `each` rows near each of four orthogonal centres, and their concepts."""
    concepts = torch.arange(COUNT).repeat(each)
    spread = noise * torch.randn(len(concepts), 8, generator=seeded(seed))
    return functional.normalize(torch.eye(8)[concepts] + spread, dim=-1), concepts


def slow_weights(
    units: list[list[float]], concepts: list[int], *, certain: Sequence[bool], sets: list[set[int]]
) -> list[float]:
    weights = [1.0] * len(units)
    for _ in range(3):
        weights = [
            slow_weight(row, units, concepts, weights, sets[row])
            if concepts[row] >= 0 and concepts.count(concepts[row]) >= 4 and not certain[row]
            else 1.0
            for row in range(len(units))
        ]
    return weights


def slow_weight(
    row: int, units: list[list[float]], concepts: list[int], weights: list[float], own: set[int]
) -> float:
    def cosine(concept: int, without: int | None) -> float:
        total = [0.0] * len(units[0])
        for place, unit in enumerate(units):
            if concepts[place] == concept and place != without:
                total = [t + weights[place] * u for t, u in zip(total, unit, strict=True)]
        length = math.hypot(*total)
        return sum(t * u for t, u in zip(total, units[row], strict=True)) / max(length, 1e-12)

    others = [c for c in sorted({c for c in concepts if c >= 0}) if c not in own]
    if not others:
        return 1.0
    margin = cosine(concepts[row], row) - max(cosine(other, None) for other in others)
    return 1 / (1 + math.exp(-margin / 0.1))


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(1, 24), st.booleans())
def test_weights_equal_a_slow_loop(seed: int, rows: int, repeated: bool) -> None:
    units = functional.normalize(torch.randn(rows, 5, generator=seeded(seed)), dim=-1)
    concepts = torch.randint(-1, COUNT - 1, (rows,), generator=seeded(seed + 1))
    samples = torch.randint(0, rows, (rows,), generator=seeded(seed + 2)) if repeated else None
    certain = torch.rand(rows, generator=seeded(seed + 3)) < 0.1
    found = weigh_labels(
        units.split(7), concepts, concept_count=COUNT, samples=samples, certain=certain
    )
    groups = list(range(rows)) if samples is None else samples.tolist()
    sets = [
        {c for c, g in zip(concepts.tolist(), groups, strict=True) if g == group and c >= 0}
        for group in groups
    ]
    expected = slow_weights(units.tolist(), concepts.tolist(), certain=certain.tolist(), sets=sets)
    assert found.weights.tolist() == pytest.approx(expected, abs=1e-5)


def test_planted_wrong_labels_weigh_little_and_right_ones_stay_near_one() -> None:
    units, truth = clustered(0, 12)
    concepts = truth.clone()
    wrong = torch.arange(0, len(truth), 5)
    concepts[wrong] = (truth[wrong] + 1) % COUNT
    weights = weigh_labels([units], concepts, concept_count=COUNT).weights
    right = torch.ones(len(truth), dtype=torch.bool)
    right[wrong] = False
    assert weights[wrong].max() < 0.1
    assert weights[right].mean() > 0.95
    assert weigh_labels([units], truth, concept_count=COUNT).weights.mean() > 0.95


def test_three_rows_of_a_concept_are_too_few_to_doubt_any() -> None:
    units, truth = clustered(1, 3)
    found = weigh_labels([units], truth.roll(1), concept_count=COUNT)  # every one is wrong
    assert torch.equal(found.weights, torch.ones(len(units)))
    assert not found.judged.any()


def test_a_sample_of_two_concepts_is_not_held_against_itself() -> None:
    units, concepts = clustered(2, 6)
    both = functional.normalize(torch.eye(8)[:1] + torch.eye(8)[1:2], dim=-1)
    units, concepts = torch.cat([units, both, both]), torch.cat([concepts, torch.tensor([0, 1])])
    samples = torch.cat([torch.arange(24), torch.tensor([24, 24])])
    apart = weigh_labels([units], concepts, concept_count=COUNT).weights[-2:]
    together = weigh_labels([units], concepts, concept_count=COUNT, samples=samples).weights[-2:]
    assert together.min() > 0.99
    assert apart.min() < 0.7


def test_one_concept_alone_leaves_nothing_to_compare_with() -> None:
    units, _ = clustered(3, 2)
    one = torch.zeros(len(units), dtype=torch.int64)
    assert torch.equal(weigh_labels([units], one, concept_count=1).weights, torch.ones(len(units)))


def test_a_row_can_be_asked_about_a_concept_that_is_not_its_own() -> None:
    units, concepts = clustered(4, 5, noise=0.05)
    weights = torch.ones(len(units))
    sums = sum_weighted([units], concepts, weights, concept_count=COUNT)
    asked = (concepts + 1) % COUNT
    found = compare([units], concepts, weights, sums, asked=asked)
    assert torch.equal(found.nearest, concepts)
    assert found.weights.max() < 0.1


def test_rows_without_any_concept_keep_their_weights() -> None:
    units, _ = clustered(5, 2)
    found = weigh_labels([units], torch.full((len(units),), -1), concept_count=0)
    assert torch.equal(found.weights, torch.ones(len(units)))
