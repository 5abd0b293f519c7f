"""Computes the alignment loss: the same concept together, whatever its modality."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional

from spaner_core.contract.modality import Alignment
from spaner_core.data.matches import positives
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
    """Symmetric contrast over every pair of modalities, plus the pull towards the anchors.

    L = mean over pairs of ½[SupCon(a→b) + SupCon(b→a)] + anchor_weight · mean over modalities of
    the anchor loss. Positives share a concept where both rows have one, else an item. `scale` (s)
    is learned and at most 100.
    """

    def __init__(self, *, anchor_weight: float, scale: float) -> None:
        super().__init__()
        self.anchor_weight = anchor_weight
        self.log_scale = nn.Parameter(torch.tensor(scale).log())

    @property
    def scale(self) -> Tensor:
        """Sharpness of the contrast (s)."""
        return self.log_scale.exp().clamp(max=MAX_SCALE)

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
        contrasts = []
        for first, second in combinations(alignments, 2):
            matches = positives(concepts[first], items[first], concepts[second], items[second])
            a, b = alignments[first].embedding, alignments[second].embedding
            there = supervised_contrast(a, b, matches, scale=self.scale)
            back = supervised_contrast(b, a, matches.T, scale=self.scale)
            contrasts.append((there + back) / 2)
        return loss + torch.stack(contrasts).mean() if contrasts else loss
