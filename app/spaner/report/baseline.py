"""Measures what is reached without alignment: class means, and ridge regression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from spaner_core.data.manifest import Rows
from spaner_core.data.matches import NONE, Labels, number_rows
from spaner_core.evaluation.pairs import Linked, ordered_pairs
from spaner_core.features.rows import RowSource, load_in_batches
from torch import Tensor
from torch.nn import functional

from spaner.project import Project
from spaner.report.first_hits import FirstHits, Pair, first_hits
from spaner.splits import trained_split

SHARPNESS = 20.0
"""Of class means: as docs/results.md chooses it on validation rows."""

PENALTY = 1.0
"""Of ridge regression, on vectors of unit length."""


@dataclass(frozen=True)
class _Known:
    """What an aligner reads of training rows (n, P), of unit length, and their labels."""

    vectors: Tensor
    labels: Labels


class Baseline:
    """Methods without a shared space, fitted to the training rows that the aligners had.

    They read the very vectors that aligners read, and the same labels: class means compare a row
    with the mean of each concept in its own modality; ridge regression foretells, pair by pair,
    the vector of the other modality from items that both show.
    """

    def __init__(self, project: Project, rows: Mapping[str, Rows]) -> None:
        self._project = project
        split = trained_split(project.manifest)
        self._known = {
            name: self._read_rows(name, project.manifest.select(name, split)) for name in rows
        }
        self._asked = {name: self._read_rows(name, part) for name, part in rows.items()}

    def _read_rows(self, name: str, rows: Rows) -> _Known:
        usable = self._project.features(name, rows)
        labels = number_rows(usable.rows, self._project.manifest)
        return _Known(_read(self._project.space.aligner(name), usable.features), labels)

    def kinds(self, things: Mapping[str, list[str]], *, linked: Linked) -> dict[Pair, FirstHits]:
        """Find rows of the same concept by what class means say of both."""
        count = len(self._project.manifest.concepts)
        posteriors = {}
        for name, asked in self._asked.items():
            known = self._known[name]
            labelled = known.labels.concepts > NONE
            sums = torch.zeros(count, known.vectors.shape[1], dtype=torch.float64)
            sums.index_add_(0, known.labels.concepts[labelled], known.vectors[labelled].double())
            means = functional.normalize(sums, dim=-1)
            posteriors[name] = (SHARPNESS * asked.vectors.double() @ means.T).softmax(dim=-1)
        labels = {name: asked.labels for name, asked in self._asked.items()}
        return first_hits(posteriors, labels, things, linked=linked)

    def things(self, things: Mapping[str, list[str]], *, linked: Linked) -> dict[Pair, FirstHits]:
        """Find the very same item by ridge regression; pairs that no item trains are left out."""
        from sklearn.linear_model import Ridge

        found: dict[Pair, FirstHits] = {}
        for source, target in ordered_pairs(self._asked, linked):
            mine, theirs = self._known[source], self._known[target]
            same = mine.labels.items.unsqueeze(1) == theirs.labels.items
            first, second = (same & (mine.labels.items > NONE).unsqueeze(1)).nonzero().unbind(dim=1)
            if not len(first):
                continue
            model = Ridge(alpha=PENALTY)
            model.fit(mine.vectors[first].double().numpy(), theirs.vectors[second].double().numpy())
            queries, gallery = self._asked[source], self._asked[target]
            told = torch.from_numpy(model.predict(queries.vectors.double().numpy()))
            found |= first_hits(
                {source: told, target: gallery.vectors.double()},
                {source: queries.labels.by_item(), target: gallery.labels.by_item()},
                things,
                linked=partial(_is_asking, source),
            )
        return found


def _is_asking(asking: str, source: str, _: str) -> bool:
    return source == asking


def _read(aligner: Any, rows: RowSource) -> Tensor:
    with torch.no_grad():
        parts = [aligner.read_unit(part.values, part.mask) for part in load_in_batches(rows)]
    return torch.cat(parts) if parts else torch.zeros(0, aligner.reader.width)
