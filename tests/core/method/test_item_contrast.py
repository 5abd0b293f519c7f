"""The contrast of items, beside that of concepts."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.contract.modality import Alignment
from spaner_core.method.losses import AlignmentLoss
from spaner_core.method.prompt import SharedPrompt, random_anchors
from torch import Tensor
from torch.nn import functional

NAMES = ("first", "second", "third")
Numbers = dict[str, Tensor]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbers(seed: int, sizes: dict[str, int], *, highest: int) -> Numbers:
    """Draw concepts or items, -1 among them."""
    return {
        name: torch.randint(-1, highest + 1, (size,), generator=seeded(seed + place))
        for place, (name, size) in enumerate(sizes.items())
    }


def drawn(seed: int, sizes: dict[str, int]) -> tuple[Numbers, Numbers]:
    """Draw points whose directions and embeddings the loss gets, (B, D) each."""
    h = {
        n: torch.randn(size, 5, generator=seeded(seed + i))
        for i, (n, size) in enumerate(sizes.items())
    }
    z = {
        n: torch.randn(size, 5, generator=seeded(seed - i))
        for i, (n, size) in enumerate(sizes.items())
    }
    return h, z


def aligned(h: Numbers, z: Numbers) -> dict[str, Alignment]:
    return {
        name: Alignment(
            functional.normalize(z[name], dim=-1),
            functional.normalize(h[name], dim=-1),
            torch.zeros(0),
        )
        for name in h
    }


def prompt() -> SharedPrompt:
    return SharedPrompt(random_anchors(4, dim=5, generator=seeded(0)))


def slow_contrast(places: Numbers, labels: Numbers, scale: Tensor, wanted: Numbers) -> Tensor:
    """Go row by row over ordered pairs of modalities; a pair of modalities counts by its two."""
    by_pair: dict[frozenset[str], list[Tensor]] = {}
    for a, b in permutations(places, 2):
        keys = [j for j in range(len(labels[b])) if wanted[b][j]]
        losses = []
        for i in range(len(labels[a])):
            if not wanted[a][i]:
                continue
            matched = [j for j in keys if labels[a][i] >= 0 and labels[a][i] == labels[b][j]]
            if matched:
                logits = torch.stack([scale * places[a][i] @ places[b][j] for j in keys])
                shares = [
                    scale * places[a][i] @ places[b][j] - logits.logsumexp(0) for j in matched
                ]
                losses.append(-torch.stack(shares).mean())
        found = torch.stack(losses).mean() if losses else torch.tensor(0.0)
        by_pair.setdefault(frozenset((a, b)), []).append(found)
    return torch.stack([sum(both) / 2 for both in by_pair.values()])


def with_partner(items: Numbers, a: str, b: str) -> Numbers:
    return {
        one: torch.tensor([i >= 0 and i in items[other].tolist() for i in items[one].tolist()])
        for one, other in ((a, b), (b, a))
    }


def slow_items(h: dict[str, Tensor], items: Numbers, scale: Tensor) -> Tensor:
    losses = []
    for place, a in enumerate(NAMES):
        for b in NAMES[place + 1 :]:
            rows = with_partner(items, a, b)
            if rows[a].any():
                pair = {name: h[name] for name in (a, b)}
                losses.append(slow_contrast(pair, items, scale, rows)[0])
    return torch.stack(losses).mean() if losses else torch.tensor(0.0)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.1, 3), st.floats(1, 30))
def test_value_and_gradient_equal_those_of_a_slow_loop(
    seed: int, weight: float, scale: float
) -> None:
    sizes = {name: 3 + (seed + place) % 4 for place, name in enumerate(NAMES)}
    h, z = drawn(seed, sizes)
    concepts, items = (numbers(seed + k, sizes, highest=3) for k in (40, 80))
    fast = AlignmentLoss(anchor_weight=0.0, scale=scale, item_weight=weight)
    places = [point.requires_grad_() for point in (*h.values(), *z.values())]
    loss = fast(aligned(h, z), concepts, items, prompt())
    given_grads = torch.autograd.grad(loss, places, allow_unused=True)
    labelled = {name: part >= 0 for name, part in concepts.items()}
    directions = {name: functional.normalize(part, dim=-1) for name, part in h.items()}
    kinds = slow_contrast(
        {name: functional.normalize(part, dim=-1) for name, part in z.items()},
        concepts,
        torch.tensor(scale),
        labelled,
    ).mean()
    expected = kinds + weight * slow_items(directions, items, torch.tensor(scale))
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    if expected.requires_grad:
        wanted = torch.autograd.grad(expected, places, allow_unused=True)
        for found, slow in zip(given_grads, wanted, strict=True):
            nothing = torch.zeros(())
            torch.testing.assert_close(
                nothing if found is None else found,
                torch.zeros_like(nothing if found is None else found) if slow is None else slow,
                rtol=1e-3,
                atol=1e-5,
            )


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_items_draw_things_of_one_concept_apart_only_with_a_weight(weight: float) -> None:
    h = {name: torch.randn(6, 5, generator=seeded(3)).requires_grad_() for name in NAMES[:2]}
    fixed = {name: torch.randn(6, 5, generator=seeded(4)) for name in h}
    one, items = torch.zeros(6, dtype=torch.int64), torch.arange(6)
    loss = AlignmentLoss(anchor_weight=0.0, scale=10.0, item_weight=weight)(
        aligned(h, fixed), dict.fromkeys(h, one), dict.fromkeys(h, items), prompt()
    )
    grads = (
        torch.autograd.grad(loss, [*h.values()], allow_unused=True) if loss.requires_grad else ()
    )
    moved = [grad for grad in grads if grad is not None and grad.abs().sum() > 0]
    assert len(moved) == (2 if weight else 0)


def test_rows_without_any_item_cost_what_they_did() -> None:
    sizes = dict.fromkeys(NAMES, 6)
    h, z = drawn(5, sizes)
    concepts, none = numbers(6, sizes, highest=3), {name: torch.full((6,), -1) for name in NAMES}
    concepts = {name: part.clamp(min=0) for name, part in concepts.items()}
    losses = [
        AlignmentLoss(anchor_weight=1.0, scale=10.0, item_weight=weight)(
            aligned(h, z), concepts, none, prompt()
        )
        for weight in (0.0, 1.0)
    ]
    assert torch.equal(*losses)
