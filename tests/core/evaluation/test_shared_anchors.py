"""What anchors add to a score: all of it together with the directions, none at strength 0."""

from __future__ import annotations

import pytest
import torch
from spaner_core.contract.modality import Alignment
from spaner_core.errors import SpaceError
from spaner_core.evaluation.shared_anchors import anchor_scores, nearest_anchors
from torch import Tensor
from torch.nn import functional

ANCHORS = functional.normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)), dim=1)


def row(seed: int, *, strength: float, known: int = 5) -> Alignment:
    generator = torch.Generator().manual_seed(seed)
    direction = functional.normalize(torch.randn(1, 8, generator=generator), dim=1)
    weights = torch.randn(1, known, generator=generator).softmax(dim=1)
    pulled = (1 - strength) * direction + strength * (weights @ ANCHORS[:known])
    return Alignment(functional.normalize(pulled, dim=1), direction, weights)


def terms(one: Alignment, *, strength: float) -> list[Tensor]:
    """What an embedding is the sum of: its direction's part, then each anchor's."""
    pulls = [weight * ANCHORS[place] for place, weight in enumerate(one.weights[0])]
    parts = [(1 - strength) * one.direction[0], *(strength * pull for pull in pulls)]
    return [part / torch.stack(parts).sum(dim=0).norm() for part in parts]


@pytest.mark.parametrize("known", [5, 3])
def test_anchors_share_products_with_whatever_they_meet(known: int) -> None:
    query, hit = row(1, strength=0.4), row(2, strength=0.4, known=known)
    found = anchor_scores(query, hit, anchors=ANCHORS, strength=0.4)
    slow = torch.zeros(6)
    for place, first in enumerate(terms(query, strength=0.4)):
        for other, second in enumerate(terms(hit, strength=0.4)):
            slow[place] += first @ second / 2
            slow[other] += first @ second / 2
    assert torch.allclose(found.float(), slow[1:], atol=1e-6)
    assert torch.allclose(slow.sum(), query.embedding[0] @ hit.embedding[0], atol=1e-6)


def test_anchors_add_nothing_where_they_do_not_pull() -> None:
    pair = row(1, strength=0.0), row(2, strength=0.0)
    assert not anchor_scores(*pair, anchors=ANCHORS, strength=0.0).any()


def test_an_aligner_that_composes_otherwise_is_refused() -> None:
    with pytest.raises(SpaceError, match="composes"):
        anchor_scores(row(1, strength=0.2), row(2, strength=0.4), anchors=ANCHORS, strength=0.4)


def test_rows_lie_nearest_the_anchor_of_the_highest_cosine() -> None:
    rows = torch.cat([ANCHORS.flip(0), -ANCHORS[:1]])
    assert nearest_anchors(rows[:5], ANCHORS).tolist() == [4, 3, 2, 1, 0]
    assert nearest_anchors(rows, ANCHORS[:0]).tolist() == [0] * 6, "no anchor tells them apart"
