"""Rows of token features, padded to one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class FeatureRows:
    """Token features (n, N, E) float32 of n samples and their mask (n, N) bool."""

    values: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: Tensor) -> FeatureRows:
        """Return the rows at `index` (m,), in its order."""
        return FeatureRows(values=self.values[index], mask=self.mask[index])

    def flat(self) -> Tensor:
        """Return one vector a row as the encoder itself would compare them, (n, ·).

        Tokens side by side where every row has the same number, their mean otherwise.
        """
        if bool(self.mask.all()):
            return self.values.flatten(1)
        weights = self.mask.unsqueeze(-1).to(self.values.dtype)
        return (self.values * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)


def join_rows(parts: Sequence[FeatureRows]) -> FeatureRows:
    """Stack rows of several batches, padding N to the longest."""
    longest = max(part.values.shape[1] for part in parts)
    total = sum(len(part) for part in parts)
    values = parts[0].values.new_zeros(total, longest, parts[0].values.shape[2])
    mask = torch.zeros(total, longest, dtype=torch.bool)
    start = 0
    for part in parts:
        stop, tokens = start + len(part), part.values.shape[1]
        values[start:stop, :tokens] = part.values
        mask[start:stop, :tokens] = part.mask
        start = stop
    return FeatureRows(values=values, mask=mask)
