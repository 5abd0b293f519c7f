"""Reads words, or windows, of a text into one vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from spaner_core import FeatureSpec, MeanTokens, RowBatches
from torch import Tensor, nn
from torch.nn import functional


class HashedWords(nn.Module):
    """The mean of a text's words times each dimension's inverse document frequency, unit length.

    Until it is fitted every dimension weighs the same.
    """

    name: ClassVar[str] = "hashed_words"
    options: ClassVar[Mapping[str, object]] = {}
    keeps_scale: ClassVar[bool] = True
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

    name: ClassVar[str] = "mean_window"
    options: ClassVar[Mapping[str, object]] = {}
    keeps_scale: ClassVar[bool] = True

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.width = features.dim
        self.mean = MeanTokens(features)

    def fit(self, rows: RowBatches) -> None:
        """Need nothing of the training rows."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, E), rows of unit length, from windows (B, N, E)."""
        return functional.normalize(self.mean(features, mask), dim=-1)


def build_reader(features: FeatureSpec, options: Mapping[str, object]) -> HashedWords | MeanWindow:
    """Build the reader that `options` name, or the one that suits the features.

    A prefix token stands for its whole window, so features that have one are windows.
    """
    windows = bool(features.prefix_tokens)
    name = options.get("name", MeanWindow.name if windows else HashedWords.name)
    return MeanWindow(features) if name == MeanWindow.name else HashedWords(features)
