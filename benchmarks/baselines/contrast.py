"""Contrastive losses between modalities, without a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from spaner_core.method.losses import supervised_contrast
from torch import Tensor, nn
from torch.nn import functional

Kind = Literal["infonce", "supcon"]
MAX_SCALE = 100.0


class Contrast(nn.Module):
    """Symmetric contrast over `pairs` of modalities, its sharpness learned from `scale` on.

    "supcon": every row of the same concept is a positive, as in SPANER's own loss. "infonce": one
    row of the same concept, drawn anew each time, is the positive; the other rows of that concept
    are left out of the negatives. (Left in, the loss would be a sample of "supcon".)
    """

    def __init__(
        self, pairs: Sequence[tuple[str, str]], *, kind: Kind, scale: float, seed: int
    ) -> None:
        super().__init__()
        self.pairs, self.kind = tuple(pairs), kind
        self.log_scale = nn.Parameter(torch.tensor(scale).log())
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, embeddings: Mapping[str, Tensor], concepts: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of a batch: unit embeddings (B, D) and concepts (B,) by modality."""
        losses = []
        for first, second in self.pairs:
            matches = concepts[first].unsqueeze(1) == concepts[second]
            a, b = embeddings[first], embeddings[second]
            losses.append((self._one_way(a, b, matches) + self._one_way(b, a, matches.T)) / 2)
        return torch.stack(losses).mean()

    def _one_way(self, queries: Tensor, keys: Tensor, matches: Tensor) -> Tensor:
        scale = self.log_scale.exp().clamp(max=MAX_SCALE)
        if self.kind == "supcon":
            return supervised_contrast(queries, keys, matches, scale=scale)
        return paired_contrast(queries, keys, matches, scale=scale, generator=self.generator)


def paired_contrast(
    queries: Tensor,
    keys: Tensor,
    matches: Tensor,
    *,
    scale: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """InfoNCE: contrast queries (A, D) with one match each, drawn from `matches` (A, B) bool.

    The match's other fellows are no negatives. Queries without a match do not count.
    """
    answerable = matches.any(dim=1)
    logits, matches = (scale * queries @ keys.T)[answerable], matches[answerable]
    drawn = (torch.rand(matches.shape, generator=generator) * matches).argmax(dim=1)
    fellows = matches & ~functional.one_hot(drawn, matches.shape[1]).bool()
    return functional.cross_entropy(logits.masked_fill(fellows, -torch.inf), drawn)
