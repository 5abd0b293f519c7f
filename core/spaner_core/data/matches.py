"""Numbers rows by concept, item and sample; decides which belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import torch
from pyarrow import compute as pc
from torch import Tensor

from spaner_core.data.columns import TEXT
from spaner_core.data.manifest import Manifest, Rows

NONE = -1
"""The id of a row that has no concept, or no item."""


def positives(concepts_a: Tensor, items_a: Tensor, concepts_b: Tensor, items_b: Tensor) -> Tensor:
    """Say which rows of `a` and `b` belong together, (A, B) bool.

    Two rows that both have a concept belong together when it is the same one, whatever their
    items; otherwise they do when both have an item and it is the same one. The rule is symmetric:
    swapping `a` and `b` transposes the answer.

    `concepts_a` and `items_a` are (A,) int64, the others (B,) int64; -1 is "none". Source: the
    project's definition of a positive. Raises `ValueError` when ids are not one flat row of
    integers, or a side has not as many concepts as items.
    """
    _check_ids(concepts_a, items_a)
    _check_ids(concepts_b, items_b)
    both_have_one = (concepts_a > NONE).unsqueeze(1) & (concepts_b > NONE)  # (A, B)
    same_concept = concepts_a.unsqueeze(1) == concepts_b  # (A, B)
    same_item = (items_a.unsqueeze(1) == items_b) & (items_a > NONE).unsqueeze(1)  # (A, B)
    return torch.where(both_have_one, same_concept, same_item)


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What is known of the rows of one modality; `concepts`, `items`, `samples` are (n,) int64.

    -1 is "none" in `concepts` and `items`. A manifest repeats a row for each further concept of
    one sample; `samples` then gives those rows the same number, so that metrics see one sample
    with several concepts instead of identical copies, some of them "wrong". Without `samples`
    every row is a sample of its own. Raises `ValueError` when the lengths or types do not fit.
    """

    concepts: Tensor
    items: Tensor
    samples: Tensor | None = None

    def __post_init__(self) -> None:
        _check_ids(self.concepts, self.items)
        if self.samples is not None:
            _check_ids(self.samples, self.items)

    def __len__(self) -> int:
        return len(self.concepts)

    def by_item(self) -> Labels:
        """Return the labels without concepts: rows belong together that show the same thing."""
        return replace(self, concepts=torch.full_like(self.concepts, NONE))

    def groups(self) -> Tensor:
        """Return each row's sample, numbered from 0 without gaps, (n,) int64."""
        if self.samples is None:
            return torch.arange(len(self), device=self.concepts.device)
        numbered: Tensor = torch.unique(self.samples, return_inverse=True)[1]
        return numbered

    def first_rows(self) -> Tensor:
        """Return the first row of each sample, (number of samples,) int64, in `groups` order."""
        groups = self.groups()
        # stable: among the rows of a sample the earliest stays in front
        order = groups.argsort(stable=True)
        return order[_starts(groups)[:-1]]


class SamplePositives:
    """Positives between the samples of two modalities, made block by block.

    The whole matrix of 20,000 by 20,000 samples and its intermediate results would take
    gigabytes; metrics need only a few hundred of its rows at a time. Two samples belong together
    when any of their rows do. Indexed by a slice of samples of `a`: (stop - start, S_b) bool.
    """

    def __init__(self, a: Labels, b: Labels) -> None:
        self.a, self.b = a, b
        self._groups_a, self._groups_b = a.groups(), b.groups()
        # rows of `a`, those of one sample together
        self._order = self._groups_a.argsort(stable=True)
        self._starts = _starts(self._groups_a)
        self.shape = (len(self._starts) - 1, len(_starts(self._groups_b)) - 1)

    def __getitem__(self, block: slice) -> Tensor:
        start, stop, _ = block.indices(self.shape[0])
        rows = self._order[self._starts[start] : self._starts[stop]]
        matched = positives(
            self.a.concepts[rows], self.a.items[rows], self.b.concepts, self.b.items
        )
        if self.b.samples is not None:
            matched = _any_by_group(matched, self._groups_b, count=self.shape[1])
        if self.a.samples is not None:
            groups = self._groups_a[rows] - start
            matched = _any_by_group(matched.T, groups, count=stop - start).T
        return matched


def _starts(groups: Tensor) -> Tensor:
    """Where each group starts among rows sorted by group, and after the last one their number."""
    counts = torch.bincount(groups)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def _any_by_group(matched: Tensor, groups: Tensor, *, count: int) -> Tensor:
    """Join the columns of each group by "or", (R, n) bool to (R, count) bool."""
    hits = torch.zeros(len(matched), count, dtype=torch.int32, device=matched.device)
    return hits.index_add_(1, groups, matched.to(torch.int32)) > 0


def _check_ids(first: Tensor, second: Tensor) -> None:
    for ids in (first, second):
        if ids.ndim != 1 or ids.is_floating_point() or ids.dtype == torch.bool:
            raise ValueError(
                f"got ids of shape {tuple(ids.shape)} and type {ids.dtype}; expected one flat row "
                "of integers; give one int64 a row and -1 for none"
            )
    if len(first) != len(second):
        raise ValueError(
            f"got {len(first)} and {len(second)} ids for the same rows; expected as many of each; "
            "give one a row and -1 for none"
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


def one_a_sample(vectors: Tensor, labels: Labels) -> Tensor:
    """Take the first row of each sample, (n, D) to (S, D), in the order of `Labels.groups`."""
    return vectors[labels.first_rows().to(vectors.device)]


def check_same_rows(embeddings: Mapping[str, Tensor], labels: Mapping[str, Labels]) -> None:
    """Raise `ValueError` unless both name the same modalities, with as many rows, of one width."""
    rows = {name: len(vectors) for name, vectors in embeddings.items()}
    labelled = {name: len(known) for name, known in labels.items()}
    if rows != labelled:
        raise ValueError(
            f"got embeddings of {rows} rows and labels of {labelled}; expected the same "
            "modalities and rows; give one label a row"
        )
    widths = {name: vectors.shape[-1] for name, vectors in embeddings.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(
            f"got embeddings of widths {widths}; expected one width; take the aligners of one space"
        )
