"""Readers: from a modality's tokens (B, N, E) and mask (B, N) to one vector a row (B, P).

A reader keeps the structure that its modality needs: the places of a grid, the order of a
recording. It has no trained weights; what it takes from training rows it keeps in buffers.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from spaner_core.modality import FeatureSpec

FLATTEN_LIMIT = 8192
"""Widest vector that flattening may give; beyond it tokens are pooled (measured on digits)."""


class Reader(Protocol):
    """A `torch.nn.Module` that reads tokens into one vector of width `width` (P)."""

    @property
    def width(self) -> int: ...

    def fit(self, features: Tensor, mask: Tensor) -> None:
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

    def fit(self, features: Tensor, mask: Tensor) -> None:
        """Need nothing of the training rows."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, N·E); masked tokens read as zero."""
        return (features * mask.unsqueeze(-1)).flatten(1)


class MeanTokens(nn.Module):
    """The mean of the real tokens, E wide: for tokens whose order says little."""

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.width = features.dim

    def fit(self, features: Tensor, mask: Tensor) -> None:
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

    def fit(self, features: Tensor, mask: Tensor) -> None:
        """Need nothing of the training rows."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, segments·E), the same whatever the padding."""
        rows = []
        for tokens, real in zip(features, mask, strict=True):
            kept = tokens[real]  # (n, E)
            pooled = functional.adaptive_avg_pool1d(kept.T.unsqueeze(0), self.segments)
            rows.append(pooled.squeeze(0).T.flatten())  # (segments·E,)
        return torch.stack(rows)


def masked_mean(features: Tensor, mask: Tensor) -> Tensor:
    """Mean of the real tokens, (B, N, E) and (B, N) to (B, E)."""
    weights = mask.unsqueeze(-1).to(features.dtype)
    return (features * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)
