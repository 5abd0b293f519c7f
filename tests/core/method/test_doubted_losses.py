from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.contract.modality import Alignment
from spaner_core.method.losses import AlignmentLoss, supervised_contrast
from spaner_core.recipe import LossRecipe
from torch import Tensor

from tests.core.method.drawn_losses import (
    MODALITIES,
    SEEDS,
    dot,
    drawn_alignment,
    ids,
    prompt_of,
    seeded,
    unit,
)


def slow_weighted_contrast(
    queries: Tensor, keys: Tensor, matches: Tensor, *, scale: float, trust: tuple[Tensor, Tensor]
) -> float:
    losses, weights = [], []
    for query, row, weight in zip(queries, matches, trust[0].tolist(), strict=True):
        shown = [math.exp(scale * dot(query.tolist(), key)) for key in keys.tolist()]
        counted = [w * value for w, value in zip(trust[1].tolist(), shown, strict=True)]
        right = [
            (w, w * v) for w, v, match in zip(trust[1].tolist(), shown, row, strict=True) if match
        ]
        if right:
            believed = sum(w for w, _ in right)
            mean = sum(w * -math.log(v / sum(counted)) for w, v in right) / believed
            losses.append(weight * min(believed, 1) * mean)
            weights.append(weight * min(believed, 1))
    return sum(losses) / sum(weights) if losses else 0.0


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(1, 6), st.integers(1, 6), st.floats(0.1, 30))
def test_weighted_contrast_equals_a_slow_loop(
    seed: int, rows: int, columns: int, scale: float
) -> None:
    queries, keys = unit(seed, rows, 5), unit(seed + 1, columns, 5)
    matches = torch.rand(rows, columns, generator=seeded(seed)) < 0.4
    trust = torch.rand(rows, generator=seeded(seed)), torch.rand(columns, generator=seeded(seed))
    trust = (0.01 + trust[0], 0.01 + trust[1])
    loss = supervised_contrast(queries, keys, matches, scale=scale, trust=trust)
    expected = slow_weighted_contrast(queries, keys, matches, scale=scale, trust=trust)
    assert loss.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_full_trust_is_the_loss_without_any() -> None:
    names = MODALITIES
    alignments = {n: drawn_alignment(i, 9) for i, n in enumerate(names)}
    concepts = {n: ids(i, 9, highest=3) for i, n in enumerate(names)}
    items = {n: ids(20 + i, 9, highest=3) for i, n in enumerate(names)}
    loss, prompt = AlignmentLoss(**vars(LossRecipe())), prompt_of(4)
    whole = {n: torch.ones(9) for n in names}
    torch.testing.assert_close(
        loss(alignments, concepts, items, prompt, trust=whole),
        loss(alignments, concepts, items, prompt),
    )
    z = alignments["first"].embedding
    same, ones, scale = torch.eye(9).bool(), torch.ones(9), 10.0
    weighted = supervised_contrast(z, z, same, scale=scale, trust=(ones, ones))
    assert torch.equal(weighted, supervised_contrast(z, z, same, scale=scale))


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_row_that_is_not_believed_changes_nothing(weight: float) -> None:
    sizes, names = 8, MODALITIES
    alignments = {n: drawn_alignment(i, sizes) for i, n in enumerate(names)}
    concepts = {n: ids(i, sizes, highest=2) for i, n in enumerate(names)}
    items = {n: torch.full((sizes,), -1) for n in names}
    loss, prompt = AlignmentLoss(anchor_weight=1.0, item_weight=weight, scale=9.0), prompt_of(3)
    trust = {n: torch.ones(sizes) for n in names}
    for n in names:
        trust[n][0] = 1e-30
        concepts[n][0] = 1
    doubted = loss(alignments, concepts, items, prompt, trust=trust)
    without = loss(
        {n: Alignment(*(part[1:] for part in alignments[n])) for n in names},
        {n: concepts[n][1:] for n in names},
        {n: items[n][1:] for n in names},
        prompt,
    )
    torch.testing.assert_close(doubted, without)
