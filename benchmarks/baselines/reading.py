"""The vectors that every baseline starts from: the same that SPANER's aligners read.

Each modality's own reader, centred and scaled by all training rows, labelled or not, unit length
(p̂ in docs/method.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from datasets import TEXT
from spaner_core.features.labelled import LabelledBatches, LabelledRows, join_labelled
from spaner_core.features.rows import FeatureRows
from torch import Tensor
from torch.nn import functional

from baselines.task import Task


@dataclass(frozen=True)
class Points:
    """Unit vectors (n, P) and their concepts (n,) of `count`, -1 where there is none."""

    values: Tensor
    concepts: Tensor
    count: int

    def labelled(self) -> Points:
        """Return those with a concept."""
        known = self.concepts >= 0
        return replace(self, values=self.values[known], concepts=self.concepts[known])

    def join(self, other: Points) -> Points:
        """Put others below these."""
        return replace(
            self,
            values=torch.cat([self.values, other.values]),
            concepts=torch.cat([self.concepts, other.concepts]),
        )

    def means(self) -> Tensor:
        """Return the mean of each concept's points (C, P)."""
        known = self.labelled()
        sums = known.values.new_zeros(self.count, known.values.shape[1])
        sums = sums.index_add_(0, known.concepts, known.values)
        counts = torch.bincount(known.concepts, minlength=self.count)
        return sums / counts.clamp_min(1).unsqueeze(-1)

    def as_rows(self) -> LabelledRows:
        """Return them as rows of one token, as long as √P, the size at which heads start."""
        width = self.values.shape[1]
        values = (self.values * math.sqrt(width)).unsqueeze(1)
        return LabelledRows(
            features=FeatureRows(
                values=values, mask=torch.ones(values.shape[:2], dtype=torch.bool)
            ),
            concepts=self.concepts,
            items=torch.full_like(self.concepts, -1),
        )


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A task as vectors: all training rows, the concepts' names, the rows to embed."""

    rows: Mapping[str, Points]
    names: Points
    shown: Mapping[str, Tensor]

    def known(self, name: str) -> Points:
        """Return a modality's labelled rows; names of the concepts are texts with a label."""
        labelled = self.rows[name].labelled()
        return labelled.join(self.names) if name == TEXT else labelled


def read(task: Task) -> Reading:
    """Read a task's token features into vectors."""
    rows, shown, count = {}, {}, task.concept_count
    for name, own in task.rows.items():
        aligner: Any = fitted_aligner(task, name, {})
        rows[name] = Points(unit_vectors(aligner, own), own.concepts, count)
        shown[name] = _point(aligner, task.shown[name].values, task.shown[name].mask)
        if name == TEXT:
            names = Points(unit_vectors(aligner, task.names), task.names.concepts, count)
    return Reading(rows=rows, names=names, shown=shown)


def fitted_aligner(task: Task, name: str, options: Mapping[str, object]) -> Any:
    """Build an aligner and take its statistics, names among the texts, as joint training does."""
    aligner = task.dataset.build(name, options)
    parts = [task.rows[name], task.names] if name == TEXT else [task.rows[name]]
    aligner.fit_statistics(LabelledBatches(join_labelled(parts)), concept_count=task.concept_count)
    return aligner


def unit_vectors(aligner: Any, rows: LabelledRows) -> Tensor:
    """Return what an aligner with its statistics reads of rows, (n, P) of unit length."""
    parts = [_point(aligner, features, mask) for features, mask, _ in LabelledBatches(rows)]
    return torch.cat(parts)


def _point(aligner: Any, features: Tensor, mask: Tensor) -> Tensor:
    raw = aligner.reader(features, mask)
    return functional.normalize((raw - aligner.centre) / aligner.scale, dim=-1)
