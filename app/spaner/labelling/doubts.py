"""Finds labels that features of their rows, or of their items, doubt."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from spaner_core.data.manifest import Row, Rows
from spaner_core.features.labelled import LabelledBatches, LabelledRows, join_labelled
from spaner_core.method.aligner import CrossAttentionAligner
from spaner_core.method.trust import (
    FEWEST,
    SOFTNESS,
    Comparison,
    LabelTrust,
    compare,
    concepts_of_samples,
)
from spaner_core.training.fit_statistics import UnitRows
from spaner_core.training.fit_statistics import doubt_labels as weigh
from torch import Tensor

from spaner.project import Project
from spaner.training.plan import TrainingPlan, concept_names, number_usable

DOUBTED = 0.25
"""Weight below which a label is listed: odds of one to three (chosen on planted wrong labels)."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a row says of a label: its cosines with the class means of its own modality.

    `label_cosine` is that of the label, `nearest_cosine` that of the `nearest` other concept;
    `weight` in [0, 1] is how much the row believes the label, and `doubts` whether that is little.
    """

    modality: str
    line: int
    id: str
    input: str
    label_cosine: float
    nearest: str
    nearest_cosine: float
    weight: float
    doubts: bool


@dataclass(frozen=True, kw_only=True)
class DoubtedLabel:
    """A row whose label is doubted, and why; `suggested` is what the strongest doubt is nearest to.

    `weight` in [0, 1] is of all evidence together.
    """

    modality: str
    line: int
    id: str
    input: str
    concept: str
    item: str | None
    suggested: str
    weight: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True)
class LabelReport:
    """Doubted labels, the most doubtful first, of `judged` ones for which there is evidence."""

    manifest: Path
    rows: int
    judged: int
    doubted: tuple[DoubtedLabel, ...]


@dataclass(frozen=True, kw_only=True)
class _Read:
    """One modality's training rows with what its class means say of their labels."""

    name: str
    manifest_rows: Rows
    rows: LabelledRows
    aligner: CrossAttentionAligner
    trust: LabelTrust
    beside: Tensor | None

    def pairs(self, rows: LabelledRows) -> Tensor:
        """Return places of `rows` with a concept and of own rows of the same item, (q, 2).

        Of concepts alone that own rows say enough of.
        """
        mine: dict[int, list[int]] = defaultdict(list)
        for place, item in enumerate(self.rows.items.tolist()):
            mine[item].append(place)
        labels = zip(rows.items.tolist(), rows.concepts.tolist(), strict=True)
        enough = (self.trust.sums.support >= FEWEST).tolist()
        found = [
            (place, partner)
            for place, (item, concept) in enumerate(labels)
            if item >= 0 and concept >= 0 and enough[concept]
            for partner in mine.get(item, ())
        ]
        return torch.tensor(found, dtype=torch.int64).reshape(-1, 2)


def doubt_labels(project: Project, plan: TrainingPlan) -> LabelReport:
    """Look for doubted labels among training rows, by untrained features.

    Each label is weighed by its own row, as `training.check_labels` does it, and by rows of other
    modalities that have the same item. One that any of them doubts is listed. Features that the
    store lacks are extracted; no space is needed. Raises as `Project.features`.
    """
    read = {
        name: part
        for name in plan.rows
        if (part := _read_modality(project, plan, name)) is not None
    }
    doubted, judged = [], 0
    for part in read.values():
        evidence = _evidence(part, read, plan.concepts)
        judged += len(evidence)
        doubted += [
            _doubted(part.name, part.manifest_rows[place], found)
            for place, found in evidence.items()
            if any(one.doubts for one in found)
        ]
    return LabelReport(
        manifest=project.manifest.path,
        rows=sum(len(part.rows) for part in read.values()),
        judged=judged,
        doubted=tuple(sorted(doubted, key=lambda label: label.weight)),
    )


def _read_modality(project: Project, plan: TrainingPlan, name: str) -> _Read | None:
    usable = project.features(name, plan.rows[name])
    rows = number_usable(project, usable, concepts=plan.concepts)
    build = project.assembly.aligner_builder(name, prompt_dim=project.config.prompt.dim)
    aligner, count = build(), len(plan.concepts)
    if not isinstance(aligner, CrossAttentionAligner):
        project.say(f"labels of {name!r} are not weighed: its aligner has no class means of core's")
        return None
    names = None
    if plan.names_from == name:
        names = concept_names(project, name, plan.label_texts).rows
    with torch.no_grad():
        every = join_labelled([rows, *([names] if names else [])])
        aligner.fit_statistics(LabelledBatches(every), concept_count=count)
        trust = weigh(aligner, rows, names=names, count=count)
    return _Read(
        name=name,
        manifest_rows=usable.rows,
        rows=rows,
        aligner=aligner,
        trust=trust,
        beside=concepts_of_samples(rows.concepts, rows.samples, concept_count=count),
    )


def _evidence(
    part: _Read, read: Mapping[str, _Read], concepts: Sequence[str]
) -> dict[int, list[Evidence]]:
    """Gather what speaks of each label of `part`, by its row's place: first the row itself."""
    found: dict[int, list[Evidence]] = defaultdict(list)
    own = torch.nonzero(part.trust.judged[: len(part.rows)]).flatten()
    for place, one in _tell(part, own, own, part.trust.found.take(own), concepts):
        found[place].append(one)
    for other in read.values():
        pairs = other.pairs(part.rows)
        if other is part or not len(pairs):
            continue
        place, partner = pairs.T
        rows = other.rows.take(partner)
        with torch.no_grad():
            comparison = compare(
                UnitRows(other.aligner, rows),
                rows.concepts,
                other.trust.weights[partner],
                other.trust.sums,
                asked=part.rows.concepts[place],
                beside=None if part.beside is None else part.beside[place],
            )
        for row, one in _tell(other, partner, place, comparison, concepts):
            found[row].append(one)
    return found


def _tell(
    part: _Read, speaking: Tensor, spoken_of: Tensor, found: Comparison, concepts: Sequence[str]
) -> Iterator[tuple[int, Evidence]]:
    """Put in words what rows of `part` say (q,) of the labels of others (q,), by the latter."""
    figures = zip(
        speaking.tolist(), spoken_of.tolist(), found.own.tolist(), found.nearest.tolist(),
        found.other.tolist(), found.weights.tolist(), strict=True,
    )  # fmt: skip
    for place, label, own, nearest, other, weight in figures:
        if nearest < 0:  # there is no other concept
            continue
        row = part.manifest_rows[place]
        yield (
            label,
            Evidence(
                modality=part.name,
                line=row.line,
                id=row.id,
                input=row.input,
                label_cosine=own,
                nearest=concepts[nearest],
                nearest_cosine=other,
                weight=weight,
                doubts=weight < DOUBTED,
            ),
        )


def _doubted(name: str, row: Row, evidence: Sequence[Evidence]) -> DoubtedLabel:
    margins = [one.label_cosine - one.nearest_cosine for one in evidence]
    mean = sum(margins) / len(margins)
    return DoubtedLabel(
        modality=name,
        line=row.line,
        id=row.id,
        input=row.input,
        concept=str(row.concept),
        item=row.item,
        suggested=min(evidence, key=lambda one: one.weight).nearest,
        weight=1 / (1 + math.exp(-mean / SOFTNESS)),
        evidence=tuple(evidence),
    )
