"""Joins rows of features with the numbers of what they show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spaner_core.contract.modality import RowBatch
from spaner_core.data.matches import Labels
from spaner_core.features.rows import BATCH_ROWS, JoinedRows, RowSource


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Features of n rows with each row's concept (n,) and item (n,), -1 where it has none.

    Concepts of a prompt have the numbers of their anchors. `samples` (n,) are as in `Labels`.
    `trust` (n,) is how much each row's concept is believed, where that was weighed.
    """

    features: RowSource
    concepts: Tensor
    items: Tensor
    samples: Tensor | None = None
    trust: Tensor | None = None

    def __len__(self) -> int:
        return len(self.features)

    @property
    def labels(self) -> Labels:
        """What metrics need to know of the rows."""
        return Labels(concepts=self.concepts, items=self.items, samples=self.samples)

    @property
    def labelled(self) -> Tensor:
        """The places of rows that have a concept or an item, (m,) int64."""
        return torch.nonzero((self.concepts >= 0) | (self.items >= 0)).flatten()

    @property
    def known_concepts(self) -> list[int]:
        """The concepts that rows are of, in the order of their numbers."""
        return sorted(set(self.concepts[self.concepts >= 0].tolist()))

    def take(self, index: Tensor) -> LabelledRows:
        """Return the rows at `index` (m,), in its order."""
        return LabelledRows(
            features=self.features.take(index),
            concepts=self.concepts[index],
            items=self.items[index],
            samples=None if self.samples is None else self.samples[index],
            trust=None if self.trust is None else self.trust[index],
        )


@dataclass(frozen=True)
class LabelledBatches:
    """Labelled rows a batch at a time, loaded anew each time they are gone through."""

    rows: LabelledRows

    def __iter__(self) -> Iterator[RowBatch]:
        for start in range(0, len(self.rows), BATCH_ROWS):
            part = self.rows.take(torch.arange(start, min(start + BATCH_ROWS, len(self.rows))))
            loaded = part.features.load()
            yield RowBatch(loaded.values, loaded.mask, part.concepts)


def join_labelled(parts: Sequence[LabelledRows]) -> LabelledRows:
    """Put rows one below the other."""
    return LabelledRows(
        features=JoinedRows([part.features for part in parts]),
        concepts=torch.cat([part.concepts for part in parts]),
        items=torch.cat([part.items for part in parts]),
    )
