"""Manifest rows as numbers: which anchor and which item each row belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from pyarrow import compute as pc
from torch import Tensor

from spaner_core.data.columns import TEXT
from spaner_core.data.manifest import Manifest, Rows
from spaner_core.features.rows import BATCH_ROWS, JoinedRows, RowSource
from spaner_core.modality import RowBatch
from spaner_core.positives import NONE, Labels


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Features of n rows with each row's concept (n,) and item (n,), -1 where it has none.

    Concepts of a prompt have the numbers of their anchors. `samples` (n,) are as in `Labels`.
    """

    features: RowSource
    concepts: Tensor
    items: Tensor
    samples: Tensor | None = None

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


def number_rows(rows: Rows, manifest: Manifest, *, concepts: Sequence[str] | None = None) -> Labels:
    """Give numbers to concepts, items and samples of rows, alike for all modalities of a manifest.

    A concept's number is its place among `concepts`, by default those of the manifest, -1 for any
    other; samples are numbered in the order of their ids.
    """
    return Labels(
        concepts=_places(
            rows.cells["concept"], manifest.concepts if concepts is None else concepts
        ),
        items=_places(rows.cells["item"], manifest.items),
        samples=_places(rows.cells["id"], sorted(rows.distinct("id"))),
    )


def _places(column: pa.Array, vocabulary: Sequence[str]) -> Tensor:
    """Return each text's place in `vocabulary` (n,) int64, -1 for null and for unknown texts."""
    places = pc.index_in(column, pa.array(vocabulary, TEXT)).fill_null(NONE)
    return torch.from_numpy(places.to_numpy().astype(np.int64))


def numbers_of(values: Iterable[str | None], vocabulary: Sequence[str]) -> Tensor:
    """Return each value's place in `vocabulary` (n,) int64, -1 for None and for unknown values."""
    places = {value: place for place, value in enumerate(vocabulary)}
    return torch.tensor([places.get(v, -1) if v is not None else -1 for v in values]).long()
