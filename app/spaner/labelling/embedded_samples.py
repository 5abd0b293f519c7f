"""Embeds samples that give labels or get one."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import torch
from spaner_core.data.manifest import Row, Rows
from spaner_core.data.matches import NONE, Labels, SamplePositives, number_rows, numbers_of
from spaner_core.evaluation.propagation import concept_marks
from torch import Tensor

from spaner.index.embed import embed_rows
from spaner.project import Project
from spaner.search.familiar_rows import Familiar
from spaner.search.judged_query import Judgement, judge


@dataclass(frozen=True)
class LabelledSamples:
    """Samples of a modality: a row of each, embeddings (n, D), marks of their concepts (n, C).

    `judged` says how familiar each is, None where nothing does.
    """

    rows: tuple[Row, ...]
    embeddings: Tensor
    marks: Tensor
    judged: list[Judgement] | None = None

    def splits(self, places: Tensor) -> tuple[str, ...]:
        """Name the splits of the samples at `places`, each once."""
        return tuple(sorted({self.rows[place].split or "(none)" for place in places.tolist()}))

    def places(self, ids: Set[str]) -> Tensor:
        """Where the samples named `ids` stand, (m,) int64."""
        return torch.tensor([n for n, row in enumerate(self.rows) if row.id in ids]).long()


def embed_samples(
    project: Project,
    name: str,
    rows: Rows,
    *,
    strength: float | None,
    familiar: Familiar | None = None,
) -> LabelledSamples:
    """Embed the samples of `rows`, which repeat one for each of its concepts."""
    usable = project.features(name, rows)
    labels = number_rows(usable.rows, project.manifest)
    first, order = labels.first_rows().sort()  # in the manifest's order
    samples = usable.take(first)
    return LabelledSamples(
        rows=tuple(samples.rows),
        embeddings=embed_rows(project, name, samples, strengths=[strength])[strength],
        marks=concept_marks(labels, count=len(project.manifest.concepts))[order],
        judged=None if familiar is None else judge(project, name, samples.features, familiar),
    )


def same_thing(
    takers: LabelledSamples, givers: LabelledSamples, *, among: Set[str]
) -> SamplePositives:
    """Say which givers are, or show the same item as, which takers; only for takers `among`."""
    things = [_thing(row) for row in givers.rows]
    known = tuple(dict.fromkeys(things))
    own = (_thing(row) if row.id in among else None for row in takers.rows)
    return SamplePositives(_by_item(numbers_of(own, known)), _by_item(numbers_of(things, known)))


def _thing(row: Row) -> str:
    return f"sample {row.id}" if row.item is None else f"item {row.item}"


def _by_item(items: Tensor) -> Labels:
    return Labels(concepts=torch.full_like(items, NONE), items=items)
