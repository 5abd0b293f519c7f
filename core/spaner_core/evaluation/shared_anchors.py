"""Says which anchors rows lie nearest, and which a score goes through."""

from __future__ import annotations

import torch
from torch import Tensor

from spaner_core.contract.modality import Alignment
from spaner_core.errors import SpaceError
from spaner_core.space.embeddings import COMPOSED_ALIKE


def anchor_scores(query: Alignment, hit: Alignment, *, anchors: Tensor, strength: float) -> Tensor:
    """Return what each of the anchors (C, D) adds to the cosine of two rows, (C,) float64.

    `query` and `hit` hold one row each, aligned at the pull `strength`; an aligner that was trained
    before some of the anchors were appended knows the first ones. With z = d + sum of x_c A_c, the
    direction's part and what each anchor adds, anchor c has ½ (x_c A_c · z' + x'_c A_c · z) of the
    cosine z · z': all of the product of its own two terms, and half of those with others, which is
    its Shapley value. What is left of the cosine is the two directions'. Raises `SpaceError` where
    an aligner composes embeddings otherwise.
    """
    sides = []
    for row in (query, hit):
        embedding = row.embedding[0].double()
        sides.append((embedding, _added(row, anchors.double(), strength=strength)))
    (first, one), (second, other) = sides
    towards = anchors.double()
    return (one * (towards @ second) + other * (towards @ first)) / 2


def nearest_anchors(vectors: Tensor, anchors: Tensor) -> Tensor:
    """Return the number of the anchor (C, D) nearest to each of `vectors` (n, D), (n,) int64.

    Zeros where there is no anchor.
    """
    if not len(anchors):
        return torch.zeros(len(vectors), dtype=torch.int64)
    return (vectors @ anchors.T).argmax(dim=1)


def _added(row: Alignment, anchors: Tensor, *, strength: float) -> Tensor:
    """Return x (C,): how much of each anchor is in the embedding of a row."""
    weights = row.weights[0].double()
    own = anchors[: len(weights)]
    pull = strength if len(own) else 0.0
    composed = (1 - pull) * row.direction[0].double() + pull * (weights @ own)
    length = composed.norm()
    if not torch.allclose(composed / length, row.embedding[0].double(), atol=COMPOSED_ALIKE):
        raise SpaceError(
            "its aligner composes embeddings in another way than "
            "normalize((1 - strength) h + strength w A)"
        )
    added = torch.zeros(len(anchors), dtype=torch.float64)
    added[: len(weights)] = pull * weights / length
    return added
