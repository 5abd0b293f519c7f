"""Computes the alignment loss over kinds and things shared between modalities."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional

from spaner_core.contract.modality import Alignment
from spaner_core.data.matches import NONE, positives
from spaner_core.method.prompt import SharedPrompt

TINY = 1e-12
"""Keeps a mean over rows that nobody trusts finite."""


def supervised_contrast(
    queries: Tensor,
    keys: Tensor,
    matches: Tensor,
    *,
    scale: Tensor | float,
    trust: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Contrast queries (A, D) with keys (B, D), several of which may be right.

    −mean over matches j of log softmax_j(scale·z_i·z_j), averaged over the queries with a match
    (supervised contrastive loss, Khosla et al. 2020, arXiv 2004.11362, the form with the sum
    outside the logarithm). `matches` is (A, B) bool. Zero when no query has a match.

    With `trust`, weights of the queries (A,) and of the keys (B,), both means are weighted, and
    keys count in the softmax by theirs: log softmax_j(scale·z_i·z_j + log w_j). A query whose
    matches weigh less than 1 together counts by what they weigh.
    """
    logits = scale * queries @ keys.T
    if trust is None:
        log_share = logits.log_softmax(dim=-1)
        count = matches.sum(dim=-1)
        per_query = -(log_share * matches).sum(dim=-1) / count.clamp_min(1)
        return per_query.sum() / (count > 0).sum().clamp_min(1)
    by_query, by_key = trust
    log_share = (logits + by_key.log()).log_softmax(dim=-1)
    matched = matches * by_key
    believed = matched.sum(dim=-1)
    per_query = -(log_share * matched).sum(dim=-1) / believed.clamp_min(TINY)
    counted = by_query * believed.clamp(max=1)
    return (per_query * counted).sum() / counted.sum().clamp_min(TINY)


def anchor_loss(
    directions: Tensor, concepts: Tensor, prompt: SharedPrompt, *, trust: Tensor | None = None
) -> Tensor:
    """Cross-entropy of directions h (B, D) against the anchors: CE(s_a·h Aᵀ, concept).

    Rows without a concept (-1) do not count, others by their `trust` (B,). Zero when no row has
    a concept.
    """
    labelled = concepts >= 0
    if not labelled.any():
        return directions.sum() * 0.0
    logits = prompt.scale * directions[labelled] @ prompt.anchors.T
    if trust is None:
        return functional.cross_entropy(logits, concepts[labelled])
    weights = trust[labelled]
    losses = functional.cross_entropy(logits, concepts[labelled], reduction="none")
    return (losses * weights).sum() / weights.sum().clamp_min(TINY)


class AlignmentLoss(nn.Module):
    """Contrasts over every pair of modalities, of kinds and of things, plus the pull to anchors.

    L = mean over pairs of ½[SupCon(z_a → z_b) + SupCon(z_b → z_a)], positives share a concept
    where both rows have one, else an item;
    + anchor_weight · mean over modalities of the anchor loss;
    + item_weight · mean over pairs that share items of ½[SupCon(h_a → h_b) + SupCon(h_b → h_a)],
    positives share an item, among the rows whose item both have.

    With an item_weight, rows with an item and no concept are left to the last part. `scale` (s) is
    the sharpness of both contrasts. Learning it gained nothing.
    """

    def __init__(self, *, anchor_weight: float, item_weight: float, scale: float) -> None:
        super().__init__()
        self.anchor_weight, self.item_weight = anchor_weight, item_weight
        self.scale = scale

    def forward(
        self,
        alignments: Mapping[str, Alignment],
        concepts: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        prompt: SharedPrompt,
        *,
        trust: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Return the loss of one batch; all mappings are keyed by modality.

        `trust` holds the weights of the rows' labels where these are weighed.
        """
        pull = [
            anchor_loss(a.direction, concepts[name], prompt, trust=trust[name] if trust else None)
            for name, a in alignments.items()
        ]
        loss = self.anchor_weight * torch.stack(pull).mean()
        kinds, things = [], []
        for first, second in combinations(alignments, 2):
            a, b = alignments[first], alignments[second]
            matches = positives(concepts[first], items[first], concepts[second], items[second])
            kinds.append(
                _both_ways(
                    a.embedding,
                    b.embedding,
                    matches,
                    rows=(self._in_kinds(concepts[first]), self._in_kinds(concepts[second])),
                    scale=self.scale,
                    trust=(trust[first], trust[second]) if trust else None,
                )
            )
            same = (items[first].unsqueeze(1) == items[second]) & (items[second] > NONE)
            if self.item_weight and same.any():
                rows = (same.any(dim=1), same.any(dim=0))
                things.append(
                    _both_ways(a.direction, b.direction, same, rows=rows, scale=self.scale)
                )
        if kinds:
            loss = loss + torch.stack(kinds).mean()
        return loss + self.item_weight * torch.stack(things).mean() if things else loss

    def _in_kinds(self, concepts: Tensor) -> Tensor:
        """Say which rows (B,) the contrast of kinds takes."""
        return concepts > NONE if self.item_weight else torch.ones_like(concepts, dtype=torch.bool)


def _both_ways(
    a: Tensor,
    b: Tensor,
    matches: Tensor,
    *,
    rows: tuple[Tensor, Tensor],
    scale: float,
    trust: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Contrast those of A and B embeddings, (A, D) and (B, D), that `rows` (A,), (B,) choose."""
    a, b, matches = a[rows[0]], b[rows[1]], matches[rows[0]][:, rows[1]]
    given = (trust[0][rows[0]], trust[1][rows[1]]) if trust else None
    there = supervised_contrast(a, b, matches, scale=scale, trust=given)
    back = supervised_contrast(b, a, matches.T, scale=scale, trust=given and given[::-1])
    return (there + back) / 2
