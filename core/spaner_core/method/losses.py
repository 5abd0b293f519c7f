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
from spaner_core.ranges import MAX_SCALE


def supervised_contrast(queries: Tensor, keys: Tensor, matches: Tensor, *, scale: Tensor) -> Tensor:
    """Contrast queries (A, D) with keys (B, D), several of which may be right.

    −mean over matches j of log softmax_j(scale·z_i·z_j), averaged over the queries with a match
    (supervised contrastive loss, Khosla et al. 2020, arXiv 2004.11362, the form with the sum
    outside the logarithm). `matches` is (A, B) bool. Zero when no query has a match.
    """
    log_share = (scale * queries @ keys.T).log_softmax(dim=-1)
    count = matches.sum(dim=-1)
    per_query = -(log_share * matches).sum(dim=-1) / count.clamp_min(1)
    return per_query.sum() / (count > 0).sum().clamp_min(1)


def anchor_loss(directions: Tensor, concepts: Tensor, prompt: SharedPrompt) -> Tensor:
    """Cross-entropy of directions h (B, D) against the anchors: CE(s_a·h Aᵀ, concept).

    Rows without a concept (-1) do not count. Zero when no row has one.
    """
    labelled = concepts >= 0
    if not labelled.any():
        return directions.sum() * 0.0
    logits = prompt.scale * directions[labelled] @ prompt.anchors.T
    return functional.cross_entropy(logits, concepts[labelled])


class AlignmentLoss(nn.Module):
    """Contrasts over every pair of modalities, of kinds and of things, plus the pull to anchors.

    L = mean over pairs of ½[SupCon(z_a → z_b) + SupCon(z_b → z_a)], positives share a concept
    where both rows have one, else an item;
    + anchor_weight · mean over modalities of the anchor loss;
    + item_weight · mean over pairs that share items of ½[SupCon(h_a → h_b) + SupCon(h_b → h_a)],
    positives share an item, among the rows whose item both have.

    With an item_weight, rows with an item and no concept are left to the last part. `scale` (s)
    and `item_scale` (s_i) are learned and at most 100.
    """

    def __init__(self, *, anchor_weight: float, item_weight: float, scale: float) -> None:
        super().__init__()
        self.anchor_weight, self.item_weight = anchor_weight, item_weight
        self.log_scale = nn.Parameter(torch.tensor(scale).log())
        self.log_item_scale = nn.Parameter(torch.tensor(scale).log())

    @property
    def scale(self) -> Tensor:
        """Sharpness of the contrast of kinds (s)."""
        return self.log_scale.exp().clamp(max=MAX_SCALE)

    @property
    def item_scale(self) -> Tensor:
        """Sharpness of the contrast of things (s_i)."""
        return self.log_item_scale.exp().clamp(max=MAX_SCALE)

    def forward(
        self,
        alignments: Mapping[str, Alignment],
        concepts: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        prompt: SharedPrompt,
    ) -> Tensor:
        """Return the loss of one batch; all mappings are keyed by modality."""
        pull = [anchor_loss(a.direction, concepts[name], prompt) for name, a in alignments.items()]
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
                )
            )
            same = (items[first].unsqueeze(1) == items[second]) & (items[second] > NONE)
            if self.item_weight and same.any():
                rows = (same.any(dim=1), same.any(dim=0))
                things.append(
                    _both_ways(a.direction, b.direction, same, rows=rows, scale=self.item_scale)
                )
        if kinds:
            loss = loss + torch.stack(kinds).mean()
        return loss + self.item_weight * torch.stack(things).mean() if things else loss

    def _in_kinds(self, concepts: Tensor) -> Tensor:
        """Say which rows (B,) the contrast of kinds takes."""
        return concepts > NONE if self.item_weight else torch.ones_like(concepts, dtype=torch.bool)


def _both_ways(
    a: Tensor, b: Tensor, matches: Tensor, *, rows: tuple[Tensor, Tensor], scale: Tensor
) -> Tensor:
    """Contrast those of A and B embeddings, (A, D) and (B, D), that `rows` (A,), (B,) choose."""
    a, b, matches = a[rows[0]], b[rows[1]], matches[rows[0]][:, rows[1]]
    there = supervised_contrast(a, b, matches, scale=scale)
    back = supervised_contrast(b, a, matches.T, scale=scale)
    return (there + back) / 2
