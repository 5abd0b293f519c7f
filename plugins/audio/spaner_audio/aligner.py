"""The audio aligner: tokens keep their order in time."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from spaner_core import (
    FLATTEN_LIMIT,
    AlignerOptions,
    CrossAttentionAligner,
    FeatureSpec,
    FlattenTokens,
    PoolTokens,
    Reader,
    RowBatches,
    read_options,
)
from torch import Tensor, nn

STRETCHES = 4
"""Stretches of time that a recording of any length is read in."""


def build_aligner(
    features: FeatureSpec, *, prompt_dim: int, options: Mapping[str, object]
) -> CrossAttentionAligner:
    """Build the aligner around a reader for these features.

    A few tokens are read side by side; many, or a varying number, in stretches of time.
    """
    return CrossAttentionAligner(
        _reader(features),
        features=features,
        prompt_dim=prompt_dim,
        options=read_options(AlignerOptions, options),
    )


def _reader(features: FeatureSpec) -> Reader:
    if features.tokens is not None and features.tokens * features.dim <= FLATTEN_LIMIT:
        return FlattenTokens(features)
    return SummaryAndStretches(features, stretches=STRETCHES)


class SummaryAndStretches(nn.Module):
    """The tokens that sum a recording up, then means of equal stretches of the others.

    `(prefix_tokens + stretches)·E` wide. Of a recording of several windows, the summary of the
    first stands in front; those of the others count with their stretches.
    """

    def __init__(self, features: FeatureSpec, *, stretches: int) -> None:
        super().__init__()
        self._prefix = features.prefix_tokens
        self._pool = PoolTokens(features, segments=stretches)
        self.width = self._prefix * features.dim + self._pool.width

    def fit(self, rows: RowBatches) -> None:
        """Need nothing of the training rows."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, P), the same whatever the padding."""
        summary = features[:, : self._prefix].flatten(1)
        stretches = self._pool(features[:, self._prefix :], mask[:, self._prefix :])
        return torch.cat([summary, stretches], dim=1)
