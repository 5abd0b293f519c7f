"""The text aligner: what reads words, and what reads windows."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from spaner_core import (
    AlignerOptions,
    CrossAttentionAligner,
    FeatureSpec,
    MeanTokens,
    RowBatches,
    read_options,
)
from torch import Tensor, nn
from torch.nn import functional


class HashedWords(nn.Module):
    """The mean of a text's words times each dimension's inverse document frequency, unit length.

    Until it is fitted every dimension weighs the same.
    """

    idf: Tensor

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.width = features.dim
        self.mean = MeanTokens(features)
        self.register_buffer("idf", torch.ones(features.dim))

    def fit(self, rows: RowBatches) -> None:
        """Weigh each dimension by the share of training rows in which it occurs."""
        count, frequency = 0, torch.zeros_like(self.idf)
        for features, mask, _ in rows:
            present = self.mean(features, mask) != 0  # (B, E)
            count, frequency = count + len(present), frequency + present.sum(dim=0)
        self.idf = torch.log((1 + count) / (1 + frequency)) + 1

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, E), rows of unit length."""
        return functional.normalize(self.mean(features, mask) * self.idf, dim=-1)


class MeanWindow(nn.Module):
    """The mean of a text's windows, each one embedding of the model's own, unit length."""

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.width = features.dim
        self.mean = MeanTokens(features)

    def fit(self, rows: RowBatches) -> None:
        """Need nothing of the training rows."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, E), rows of unit length, from windows (B, N, E)."""
        return functional.normalize(self.mean(features, mask), dim=-1)


def build_aligner(
    features: FeatureSpec, *, prompt_dim: int, options: Mapping[str, object]
) -> CrossAttentionAligner:
    """Build the aligner; features keep their scale, which carries meaning.

    A prefix token stands for its whole window, so features that have one are windows.
    """
    reader = MeanWindow(features) if features.prefix_tokens else HashedWords(features)
    return CrossAttentionAligner(
        reader,
        features=features,
        prompt_dim=prompt_dim,
        options=read_options(AlignerOptions, options),
        scale_features=False,
    )
