"""Finds labels that features of their rows, or of their items, doubt."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spaner_core.data.manifest import Row
from spaner_core.method.trust import SOFTNESS

from spaner.labelling.evidence import Finding, WeighedRows, find_evidence, weigh_rows
from spaner.project import Project, UsableRows
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


def doubt_labels(project: Project, plan: TrainingPlan) -> LabelReport:
    """Look for doubted labels among training rows, by untrained features.

    Each label is weighed by its own row, as `training.check_labels` does it, and by rows of other
    modalities that have the same item. One that any of them doubts is listed. Features that the
    store lacks are extracted; no space is needed. Raises as `Project.features`.
    """
    read = {name: project.features(name, rows) for name, rows in plan.rows.items()}
    weighed = dict(_weigh(project, plan, read))
    doubted, judged = [], 0
    for name in weighed:
        evidence = find_evidence(weighed, name)
        judged += len(evidence)
        doubted += [
            _doubted(read, name, place, found, plan.concepts)
            for place, found in evidence.items()
            if any(one.weight < DOUBTED for one in found)
        ]
    return LabelReport(
        manifest=project.manifest.path,
        rows=sum(len(part.rows) for part in weighed.values()),
        judged=judged,
        doubted=tuple(sorted(doubted, key=lambda label: label.weight)),
    )


def believed(found: Sequence[Finding]) -> float:
    """Weigh a label in [0, 1] by all evidence together: its mean margin decides."""
    margins = [one.label_cosine - one.nearest_cosine for one in found]
    return 1 / (1 + math.exp(-sum(margins) / len(margins) / SOFTNESS))


def _weigh(
    project: Project, plan: TrainingPlan, read: Mapping[str, UsableRows]
) -> Iterator[tuple[str, WeighedRows]]:
    for name, usable in read.items():
        names = None
        if plan.names_from == name:
            names = concept_names(project, name, plan.label_texts).rows
        weighed = weigh_rows(
            number_usable(project, usable, concepts=plan.concepts),
            project.assembly.aligner_builder(name, prompt_dim=project.config.prompt.dim),
            names=names,
            count=len(plan.concepts),
        )
        if weighed is not None:
            yield name, weighed
        else:
            project.say(
                f"labels of {name!r} are not weighed: its aligner has no class means of core's"
            )


def _doubted(
    read: Mapping[str, UsableRows],
    name: str,
    place: int,
    found: Sequence[Finding],
    concepts: Sequence[str],
) -> DoubtedLabel:
    row = read[name].rows[place]
    return DoubtedLabel(
        modality=name,
        line=row.line,
        id=row.id,
        input=row.input,
        concept=str(row.concept),
        item=row.item,
        suggested=concepts[min(found, key=lambda one: one.weight).nearest],
        weight=believed(found),
        evidence=tuple(
            _evidence(read[one.modality].rows[one.place], one, concepts) for one in found
        ),
    )


def _evidence(row: Row, found: Finding, concepts: Sequence[str]) -> Evidence:
    return Evidence(
        modality=found.modality,
        line=row.line,
        id=row.id,
        input=row.input,
        label_cosine=found.label_cosine,
        nearest=concepts[found.nearest],
        nearest_cosine=found.nearest_cosine,
        weight=found.weight,
        doubts=found.weight < DOUBTED,
    )
