"""Reads the tokens of a recording, which keep their order in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from spaner_core import (
    FLATTEN_LIMIT,
    FeatureSpec,
    FlattenTokens,
    PoolTokens,
    Reader,
    RowBatches,
)
from torch import Tensor, nn

STRETCHES = 4
"""Stretches of time that a recording of any length is read in."""


def build_reader(features: FeatureSpec, options: Mapping[str, object]) -> Reader:
    """Build the reader that `options` name, or the one that suits the features.

    A few tokens are read side by side; many, or a varying number, in stretches of time.
    """
    fixed = features.tokens is not None and features.tokens * features.dim <= FLATTEN_LIMIT
    if fixed and not options:
        return FlattenTokens(features)
    return SummaryAndStretches(features)


class SummaryAndStretches(nn.Module):
    """The tokens that sum a recording up, then means of equal stretches of the others.

    `(prefix_tokens + STRETCHES)·E` wide. Of a recording of several windows, the summary of the
    first stands in front; those of the others count with their stretches.
    """

    name: ClassVar[str] = "summary_and_stretches"
    options: ClassVar[Mapping[str, object]] = {}

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self._prefix = features.prefix_tokens
        self._pool = PoolTokens(features, segments=STRETCHES)
        self.width = self._prefix * features.dim + self._pool.width

    def fit(self, rows: RowBatches) -> None:
        """Need nothing of the training rows."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, P), the same whatever the padding."""
        summary = features[:, : self._prefix].flatten(1)
        stretches = self._pool(features[:, self._prefix :], mask[:, self._prefix :])
        return torch.cat([summary, stretches], dim=1)
