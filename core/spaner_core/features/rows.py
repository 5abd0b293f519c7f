"""Holds rows of token features, in memory or not yet loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

BATCH_ROWS = 128
"""Rows that are loaded together where all of them are gone through."""


class RowSource(Protocol):
    """n rows of token features, wherever they are kept."""

    def __len__(self) -> int:
        """Return n."""
        ...

    @property
    def even(self) -> bool:
        """Whether every row has the same number of tokens and none of them is padding."""
        ...

    def take(self, index: Tensor) -> RowSource:
        """Choose the rows at `index` (m,), in its order, without loading them."""
        ...

    def load(self) -> FeatureRows:
        """Bring the rows to memory."""
        ...


@dataclass(frozen=True, kw_only=True)
class FeatureRows:
    """Token features (n, N, E) float32 of n samples and their mask (n, N) bool, in memory."""

    values: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return len(self.values)

    @property
    def even(self) -> bool:
        """Whether every row has the same number of tokens and none of them is padding."""
        return bool(self.mask.all())

    def take(self, index: Tensor) -> FeatureRows:
        """Return the rows at `index` (m,), in its order."""
        return FeatureRows(values=self.values[index], mask=self.mask[index])

    def load(self) -> FeatureRows:
        """Return itself."""
        return self


class JoinedRows:
    """Rows of several sources, one below the other; `index` (n,) says which of them, in order."""

    def __init__(self, parts: Sequence[RowSource], index: Tensor | None = None) -> None:
        self.parts = tuple(parts)
        lengths = torch.tensor([len(part) for part in self.parts])
        self.starts = lengths.cumsum(0) - lengths
        self.index = torch.arange(int(lengths.sum())) if index is None else index

    def __len__(self) -> int:
        return len(self.index)

    @property
    def even(self) -> bool:
        """Whether every row has the same number of tokens and none of them is padding."""
        first = torch.zeros(1, dtype=torch.int64)
        filled = [part for part in self.parts if len(part)]
        tokens = {part.take(first).load().values.shape[1] for part in filled}
        return len(tokens) <= 1 and all(part.even for part in filled)

    def take(self, index: Tensor) -> JoinedRows:
        """Choose the rows at `index` (m,), in its order."""
        return JoinedRows(self.parts, self.index[index])

    def load(self) -> FeatureRows:
        """Bring the rows to memory."""
        if not len(self):
            return self.parts[0].take(self.index).load()
        owner = torch.searchsorted(self.starts, self.index, right=True) - 1
        loaded, order = [], []
        for number, part in enumerate(self.parts):
            mine = torch.nonzero(owner == number).flatten()
            if len(mine):
                loaded.append(part.take(self.index[mine] - self.starts[number]).load())
                order.append(mine)
        return stack_rows(loaded).take(torch.cat(order).argsort())


def stack_rows(parts: Sequence[FeatureRows]) -> FeatureRows:
    """Stack rows in memory, padding N to the longest."""
    if len(parts) == 1:
        return parts[0]
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


def load_in_batches(rows: RowSource, *, size: int = BATCH_ROWS) -> Iterator[FeatureRows]:
    """Load rows in order, at most `size` at a time."""
    for start in range(0, len(rows), size):
        yield rows.take(torch.arange(start, min(start + size, len(rows)))).load()


def flat_vectors(rows: RowSource) -> Tensor:
    """Return one vector a row as the encoder itself would compare them, (n, ·) float32.

    Tokens side by side where every row has the same number, their mean otherwise.
    """
    even = rows.even
    parts = [
        _flatten(part) if even else masked_mean(part.values, part.mask)
        for part in load_in_batches(rows)
    ]
    return torch.cat(parts) if parts else torch.zeros(0, 0)


def _flatten(rows: FeatureRows) -> Tensor:
    return rows.values.flatten(1)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the real tokens, (B, N, E) and (B, N) to (B, E)."""
    weights = mask.unsqueeze(-1).to(values.dtype)
    return (values * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)
