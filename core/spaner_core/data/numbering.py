"""Numbers manifest rows by concept, item and sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import torch
from pyarrow import compute as pc
from torch import Tensor

from spaner_core.data.columns import TEXT
from spaner_core.data.manifest import Manifest, Rows
from spaner_core.data.matches import NONE, Labels


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
