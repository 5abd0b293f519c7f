"""Reads the tokens of a picture or of pages, places kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from spaner_core import (
    FLATTEN_LIMIT,
    FeatureSpec,
    FlattenTokens,
    MeanTokens,
    PoolTokens,
    Reader,
    RowBatches,
)
from torch import Tensor, nn

FINEST = 2
"""Cells along each side of the picture, where they are not too wide together."""

_UNREAD = -1


def build_reader(features: FeatureSpec) -> Reader:
    """Return the reader that keeps as much of the picture as a vector of sensible width can.

    Of one picture: tokens side by side or, if that is too wide, a mean for each of its rows. Where
    there may be several pages: CLS and a coarse grid of each.
    """
    if features.tokens is None:
        return MeanTokens(features) if features.grid is None else ReadPages(features)
    if features.tokens * features.dim <= FLATTEN_LIMIT:
        return FlattenTokens(features)
    if features.grid is None:
        return MeanTokens(features)
    return PoolTokens(features, segments=features.grid[0])


class ReadPages(nn.Module):
    """The first prefix token (CLS) and the mean of each cell, averaged over the pages of a sample.

    Each page is prod(grid) tokens after `prefix_tokens`; other prefix tokens (registers) are not
    read. A grid of rows and columns has 2x2 cells unless they are wider than `FLATTEN_LIMIT`,
    any other one cell.
    """

    name: ClassVar[str] = "pages"
    options: ClassVar[Mapping[str, object]] = {}

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        grid = features.grid or ()
        leading = min(features.prefix_tokens, 1)
        finest = FINEST if len(grid) == 2 else 1
        if (leading + finest**2) * features.dim > FLATTEN_LIMIT:
            finest = 1
        cells = _cells(grid, finest) + leading
        prefix = torch.full((features.prefix_tokens,), _UNREAD)
        prefix[:leading] = 0
        self._parts = int(cells.max()) + 1
        self.width = self._parts * features.dim
        self.register_buffer("places", torch.cat([prefix, cells]), persistent=False)
        self.places: Tensor  # (tokens of a page,) the part that each token belongs to

    def fit(self, rows: RowBatches) -> None:
        """Need nothing of the training rows."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, P), the same whatever the padding."""
        count = features.shape[1]
        places = self.places.repeat(math.ceil(count / len(self.places)))[:count]  # (N,)
        parts = torch.arange(self._parts, device=places.device)
        members = (places == parts.unsqueeze(1)) & mask.unsqueeze(1)  # (B, parts, N)
        weights = members.to(features.dtype)
        means = weights @ features / weights.sum(dim=-1, keepdim=True).clamp_min(1)
        return means.flatten(1)


def _cells(grid: tuple[int, ...], finest: int) -> Tensor:
    """Return the cell of every place of the grid, in order, (prod(grid),)."""
    cell = torch.zeros(grid, dtype=torch.long)
    for axis, side in enumerate(grid):
        along = torch.arange(side) * min(finest, side) // side
        shape = [-1 if other == axis else 1 for other in range(len(grid))]
        cell = cell * min(finest, side) + along.reshape(shape)
    return cell.flatten()
