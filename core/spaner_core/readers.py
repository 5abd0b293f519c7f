"""Readers: from a modality's tokens (B, N, E) and mask (B, N) to one vector a row (B, P).

A reader keeps the structure that its modality needs: the places of a grid, the order of a
recording. It has no trained weights; what it takes from training rows it keeps in buffers.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from spaner_core.modality import FeatureSpec, RowBatches

FLATTEN_LIMIT = 8192
"""Widest vector that flattening may give; beyond it tokens are pooled (measured on digits)."""


class Reader(Protocol):
    """A `torch.nn.Module` that reads tokens into one vector of width `width` (P)."""

    @property
    def width(self) -> int:
        """P."""
        ...

    def fit(self, rows: RowBatches) -> None:
        """Take what it needs from training rows; called once, before training."""
        ...

    def __call__(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, P)."""
        ...


class FlattenTokens(nn.Module):
    """Tokens side by side, N·E wide: for a fixed, small number of tokens."""

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        if features.tokens is None:
            raise ValueError("FlattenTokens needs a fixed number of tokens, got one that varies")
        self.width = features.tokens * features.dim

    def fit(self, rows: RowBatches) -> None:
        """Need nothing of the training rows."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, N·E); masked tokens read as zero."""
        return (features * mask.unsqueeze(-1)).flatten(1)


class MeanTokens(nn.Module):
    """The mean of the real tokens, E wide: for tokens whose order says little."""

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.width = features.dim

    def fit(self, rows: RowBatches) -> None:
        """Need nothing of the training rows."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, E)."""
        return masked_mean(features, mask)


class PoolTokens(nn.Module):
    """Means of `segments` equal stretches of the real tokens, in order: segments·E wide."""

    def __init__(self, features: FeatureSpec, *, segments: int) -> None:
        super().__init__()
        self.segments = segments
        self.width = segments * features.dim

    def fit(self, rows: RowBatches) -> None:
        """Need nothing of the training rows."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, segments·E), the same whatever the padding."""
        rank = mask.cumsum(dim=1) - 1  # (B, N) a token's place among the real ones
        count = mask.sum(dim=1, keepdim=True)  # (B, 1)
        segment = torch.arange(self.segments, device=mask.device)
        first = segment * count // self.segments  # (B, segments), as adaptive average pooling cuts
        last = -(-(segment + 1) * count // self.segments)
        inside = (rank.unsqueeze(1) >= first.unsqueeze(-1)) & (
            rank.unsqueeze(1) < last.unsqueeze(-1)
        )
        weights = (inside & mask.unsqueeze(1)).to(features.dtype)  # (B, segments, N)
        pooled = weights @ features / weights.sum(dim=-1, keepdim=True).clamp_min(1)
        return pooled.flatten(1)


def masked_mean(features: Tensor, mask: Tensor) -> Tensor:
    """Mean of the real tokens, (B, N, E) and (B, N) to (B, E)."""
    weights = mask.unsqueeze(-1).to(features.dtype)
    return (features * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)
