from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.contract.modality import Alignment
from spaner_core.method.losses import AlignmentLoss, anchor_loss, supervised_contrast
from spaner_core.method.prompt import SharedPrompt
from spaner_core.ranges import MAX_SCALE
from spaner_core.recipe import LossRecipe
from torch import Tensor
from torch.nn import functional

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


def log_shares(query: list[float], keys: list[list[float]], scale: float) -> list[float]:
    logits = [scale * dot(query, key) for key in keys]
    total = math.log(sum(math.exp(x) for x in logits))
    return [x - total for x in logits]


def slow_contrast(queries: Tensor, keys: Tensor, matches: list[list[bool]], scale: float) -> float:
    losses = []
    for query, row in zip(queries.tolist(), matches, strict=True):
        shares = log_shares(query, keys.tolist(), scale)
        right = [share for share, match in zip(shares, row, strict=True) if match]
        if right:
            losses.append(-sum(right) / len(right))
    return sum(losses) / len(losses) if losses else 0.0


def slow_anchor_loss(directions: Tensor, concepts: Tensor, prompt: SharedPrompt) -> float:
    losses = [
        -log_shares(row, prompt.anchors.tolist(), prompt.scale.item())[concept]
        for row, concept in zip(directions.tolist(), concepts.tolist(), strict=True)
        if concept >= 0
    ]
    return sum(losses) / len(losses) if losses else 0.0


def belong(concept_a: int, item_a: int, concept_b: int, item_b: int) -> bool:
    if concept_a >= 0 and concept_b >= 0:
        return concept_a == concept_b
    return item_a >= 0 and item_a == item_b


def slow_alignment_loss(
    alignments: dict[str, Alignment],
    concepts: dict[str, Tensor],
    items: dict[str, Tensor],
    prompt: SharedPrompt,
    *,
    scale: float,
    anchor_weight: float,
) -> float:
    names = list(alignments)
    anchors = [slow_anchor_loss(alignments[n].direction, concepts[n], prompt) for n in names]
    contrasts = []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            rows_a = list(zip(concepts[a].tolist(), items[a].tolist(), strict=True))
            rows_b = list(zip(concepts[b].tolist(), items[b].tolist(), strict=True))
            there = [[belong(*x, *y) for y in rows_b] for x in rows_a]
            back = [[belong(*x, *y) for x in rows_a] for y in rows_b]
            z_a, z_b = alignments[a].embedding, alignments[b].embedding
            contrasts.append(slow_contrast(z_a, z_b, there, scale) / 2)
            contrasts[-1] += slow_contrast(z_b, z_a, back, scale) / 2
    contrast = sum(contrasts) / len(contrasts) if contrasts else 0.0
    return contrast + anchor_weight * sum(anchors) / len(anchors)


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(1, 6), st.integers(1, 6), st.floats(0.1, 30))
def test_contrast_equals_a_slow_loop(seed: int, rows: int, columns: int, scale: float) -> None:
    queries, keys = unit(seed, rows, 5), unit(seed + 1, columns, 5)
    matches = torch.rand(rows, columns, generator=seeded(seed)) < 0.4
    loss = supervised_contrast(queries, keys, matches, scale=torch.tensor(scale))
    expected = slow_contrast(queries, keys, matches.tolist(), scale)
    assert loss.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


@settings(deadline=None, max_examples=25)
@given(SEEDS, st.integers(1, 3), st.floats(0, 3))
def test_alignment_loss_equals_a_slow_loop(seed: int, modalities: int, weight: float) -> None:
    names = MODALITIES[:modalities]
    sizes = {name: 2 + (seed + place) % 4 for place, name in enumerate(names)}
    alignments = {n: drawn_alignment(seed + 10 * i, sizes[n]) for i, n in enumerate(names)}
    concepts = {n: ids(seed + 20 * i, sizes[n], highest=3) for i, n in enumerate(names)}
    items = {n: ids(seed + 30 * i, sizes[n], highest=2) for i, n in enumerate(names)}
    loss = AlignmentLoss(anchor_weight=weight, item_weight=0.0, scale=7.0)(
        alignments, concepts, items, prompt_of(4)
    )
    expected = slow_alignment_loss(
        alignments, concepts, items, prompt_of(4), scale=7.0, anchor_weight=weight
    )
    assert loss.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_the_order_of_modalities_does_not_matter(seed: int) -> None:
    names = MODALITIES
    alignments = {n: drawn_alignment(seed + i, 5) for i, n in enumerate(names)}
    concepts = {n: ids(seed + i, 5, highest=3) for i, n in enumerate(names)}
    items = {n: ids(seed - i, 5, highest=3) for i, n in enumerate(names)}
    loss, prompt = AlignmentLoss(**vars(LossRecipe())), prompt_of(4)
    turned = {name: alignments[name] for name in reversed(names)}
    given_order = loss(alignments, concepts, items, prompt)
    torch.testing.assert_close(loss(turned, concepts, items, prompt), given_order)


@pytest.mark.parametrize("count", [1, 2, 7, 96])
def test_equal_embeddings_cost_the_logarithm_of_their_number(count: int) -> None:
    same = unit(0, 1, 5).expand(count, 5)
    loss = supervised_contrast(same, same, torch.eye(count).bool(), scale=torch.tensor(10.0))
    assert loss.item() == pytest.approx(math.log(count), abs=1e-5)


def test_equal_distance_from_all_anchors_costs_the_logarithm_of_their_number() -> None:
    prompt = prompt_of(4)
    across = torch.linalg.svd(prompt.anchors).Vh[-1:]  # orthogonal to all of them
    loss = anchor_loss(across, torch.tensor([2]), prompt)
    assert loss.item() == pytest.approx(math.log(4), abs=1e-4)


def test_perfect_separation_costs_nothing_and_the_wrong_one_the_whole_scale() -> None:
    corners = torch.eye(4)
    right = supervised_contrast(corners, corners, torch.eye(4).bool(), scale=torch.tensor(100.0))
    assert right.item() == pytest.approx(0, abs=1e-6)
    wrong = torch.eye(4).roll(1, dims=0).bool()
    loss = supervised_contrast(corners, corners, wrong, scale=torch.tensor(100.0))
    assert loss.item() == pytest.approx(100.0, rel=1e-4)


def test_rows_without_a_match_do_not_count() -> None:
    queries, keys = unit(1, 4, 5), unit(2, 3, 5)
    matches = torch.tensor([[1, 0, 0], [0, 0, 0], [0, 1, 1], [0, 0, 0]]).bool()
    scale = torch.tensor(10.0)
    some = supervised_contrast(queries, keys, matches, scale=scale)
    only = supervised_contrast(queries[[0, 2]], keys, matches[[0, 2]], scale=scale)
    torch.testing.assert_close(some, only)
    assert supervised_contrast(queries, keys, matches & False, scale=scale).item() == 0


def test_rows_without_a_concept_do_not_count_in_the_anchor_loss() -> None:
    directions, prompt = unit(3, 4, 6).requires_grad_(), prompt_of(4)
    some = anchor_loss(directions, torch.tensor([1, -1, 3, -1]), prompt)
    only = anchor_loss(directions[[0, 2]], torch.tensor([1, 3]), prompt)
    torch.testing.assert_close(some, only)
    none = anchor_loss(directions, torch.full((4,), -1), prompt)
    none.backward()
    assert none.item() == 0
    assert directions.grad is not None
    assert not directions.grad.any()


def test_rows_of_one_item_attract_each_other_and_a_concept_overrules_the_item() -> None:
    corners, nothing = torch.eye(6)[:3], torch.full((3,), -1)
    place = Alignment(corners, corners, torch.zeros(3, 0))
    both = {"first": place, "second": place}
    loss, prompt = AlignmentLoss(anchor_weight=0.0, item_weight=0.0, scale=100.0), prompt_of(4)
    item = torch.tensor([5, 6, 7])
    same = loss(both, dict.fromkeys(both, nothing), dict.fromkeys(both, item), prompt)
    assert same.item() == pytest.approx(0, abs=1e-6)
    crossed = {"first": torch.tensor([0, 1, 2]), "second": torch.tensor([1, 2, 0])}
    overruled = loss(both, crossed, dict.fromkeys(both, item), prompt)
    assert overruled.item() == pytest.approx(100.0, rel=1e-4)


@pytest.mark.parametrize("asked", [100.0, 101.0, 1e6])
def test_the_scale_that_a_prompt_keeps_stops_at_a_hundred(asked: float) -> None:
    assert prompt_of(3, scale=asked).scale.item() == pytest.approx(MAX_SCALE, rel=1e-5)


def test_the_gradient_reaches_every_modality_but_no_anchor_and_no_scale() -> None:
    points = {name: torch.randn(4, 6, generator=seeded(i)) for i, name in enumerate(MODALITIES)}
    for point in points.values():
        point.requires_grad_()
    loss, prompt = AlignmentLoss(**vars(LossRecipe())), prompt_of(4)
    placed = {
        name: Alignment(*[functional.normalize(point, dim=-1)] * 2, torch.zeros(4, 4))
        for name, point in points.items()
    }
    concepts = dict.fromkeys(MODALITIES, torch.arange(4))
    loss(placed, concepts, dict.fromkeys(MODALITIES, torch.full((4,), -1)), prompt).backward()
    for point in points.values():
        assert point.grad is not None
        assert point.grad.abs().sum() > 0
    assert not [*loss.parameters()]
    assert not prompt.anchors.requires_grad
    assert not prompt.log_scale.requires_grad
