"""Gives the rows that searches find, indexed or embedded now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from spaner_core.data.manifest import Manifest, Rows
from spaner_core.errors import SpaceError
from spaner_core.evaluation.ranking import SCORE_STEPS, cosine_steps
from spaner_core.evaluation.shared_anchors import nearest_anchors
from spaner_core.space.records import Strength
from torch import Tensor

from spaner.index.files import ModalityIndex
from spaner.index.scan import find_nearest
from spaner.index.shards import parts_at
from spaner.index.usable_index import usable_index
from spaner.project import Project
from spaner.search.conditions import choose_rows
from spaner.search.hit_order import Nearest
from spaner.search.query_parts import Condition
from spaner.splits import split_rows

Chosen = NDArray[np.bool_]
"""Which rows of a gallery may be found, (n,)."""


class Gallery(Protocol):
    """Rows of one modality that a query may find."""

    @property
    def rows(self) -> Rows:
        """One row a sample, in the manifest's order."""
        ...

    def nearest(
        self, wanted: NDArray[np.float32], *, k: int, strength: Strength | None, among: Chosen
    ) -> list[Nearest]:
        """Find the `k` rows nearest to the embedding `wanted` (1, D), rows that tie in order."""
        ...

    def embedding(self, place: int, *, strength: Strength | None) -> NDArray[np.float32]:
        """Return the embedding (1, D) of a row."""
        ...


def open_galleries(project: Project, names: Sequence[str]) -> dict[str, Gallery]:
    """Open the galleries of modalities.

    A modality whose index does not fit the space is left out where others serve. Raises
    `SpaceError` where none does, and as `Project.check_modality` does.
    """
    galleries: dict[str, Gallery] = {}
    for name in dict.fromkeys(names):
        try:
            galleries[name] = open_gallery(project, name)
        except SpaceError as error:
            if len(names) == 1:
                raise
            project.left_out.add(name, str(error))
    if not galleries:
        raise SpaceError("\n".join(project.left_out.reasons.values()))
    return galleries


def open_gallery(project: Project, name: str) -> Gallery:
    """Open the gallery of a modality: its index, or without one the manifest's rows."""
    index = usable_index(project, name)
    if index is not None:
        return _IndexedRows(project, name, index)
    project.check_modality(name, rows=1)  # which costs what a query does
    return _ManifestRows(project, name)


def anchors_near(project: Project, modality: str, vectors: Tensor) -> Tensor:
    """Return the numbers of the anchors nearest to embeddings (n, D) of any modality, (n,) int64.

    They are among those that the aligner of `modality` knows.
    """
    space = project.space
    return nearest_anchors(vectors, space.prompt.anchors[: space.records[modality].anchor_count])


def _alike(
    project: Project, modality: str, wanted: NDArray[np.float32], vectors: Tensor
) -> list[bool]:
    """Say of hits of a modality, (n, D), whether their nearest anchor is that of the query."""
    if not len(vectors):
        return []
    found = anchors_near(project, modality, torch.cat([torch.from_numpy(wanted), vectors]))
    return (found[1:] == found[0]).tolist()


def choose(
    project: Project, name: str, rows: Rows, *, split: str | None, where: Sequence[Condition]
) -> Chosen:
    """Return which rows of a gallery are of a split and meet all conditions.

    Raises `ConfigError` as `choose_rows`, and `DataError` where the split has no row.
    """
    chosen = choose_rows(rows, where)
    if split is not None:
        manifest = Manifest(path=project.config.data.manifest, rows=rows)
        of_split = split_rows(manifest, name, split).cells["id"]
        chosen &= np.isin(rows.cells["id"].to_numpy(zero_copy_only=False), of_split)
    return chosen


@dataclass(frozen=True)
class _ManifestRows:
    """Rows of the manifest, whose features are read and embedded when they are searched."""

    project: Project
    modality: str

    @cached_property
    def rows(self) -> Rows:
        return split_rows(self.project.manifest, self.modality).samples

    def nearest(
        self, wanted: NDArray[np.float32], *, k: int, strength: Strength | None, among: Chosen
    ) -> list[Nearest]:
        usable = self.project.features(self.modality, self.rows.take(among.nonzero()[0]))
        gallery = self.project.space.embed(self.modality, usable.features, strength=strength)
        steps = cosine_steps(wanted, gallery)[0]
        # stable: rows that tie keep the manifest's order
        best = np.argsort(-steps, kind="stable")[:k]
        alike = _alike(self.project, self.modality, wanted, torch.from_numpy(gallery[best]))
        return [
            Nearest(usable.rows[place], int(steps[place]) / SCORE_STEPS, same_anchor=same)
            for place, same in zip(best, alike, strict=True)
        ]

    def embedding(self, place: int, *, strength: Strength | None) -> NDArray[np.float32]:
        usable = self.project.features(self.modality, self.rows.take([place]))
        return self.project.space.embed(self.modality, usable.features, strength=strength)


@dataclass(frozen=True)
class _IndexedRows:
    """Rows of an index, which holds what is read of them."""

    project: Project
    modality: str
    index: ModalityIndex

    @property
    def rows(self) -> Rows:
        return self.index.rows

    def nearest(
        self, wanted: NDArray[np.float32], *, k: int, strength: Strength | None, among: Chosen
    ) -> list[Nearest]:
        pull = self.project.space.strengths.pull(strength)
        allowed = None if among.all() else torch.from_numpy(among)
        query = torch.from_numpy(wanted)
        (found,) = find_nearest(self.index, query, strength=pull, k=k, allowed=allowed)
        vectors = parts_at(self.index.shards, found.places).at(pull)
        alike = _alike(self.project, self.modality, wanted, vectors)
        hits = zip(found.places.tolist(), found.steps.tolist(), alike, strict=True)
        return [
            Nearest(self.index.rows[place], steps / SCORE_STEPS, same_anchor=same)
            for place, steps, same in hits
        ]

    def embedding(self, place: int, *, strength: Strength | None) -> NDArray[np.float32]:
        pull = self.project.space.strengths.pull(strength)
        parts = parts_at(self.index.shards, torch.tensor([place]))
        return np.asarray(parts.at(pull).numpy(), dtype=np.float32)
