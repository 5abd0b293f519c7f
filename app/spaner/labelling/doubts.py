"""Finds labels that features of their rows, or of their items, doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spaner_core.data.manifest import Row
from spaner_core.training.material import Material, ModalityMaterial

from spaner.experiments.robustness.damage import with_wrong_labels
from spaner.labelling.evidence import (
    Finding,
    LabelEvidence,
    find_evidence,
    p_wrong_of,
    weigh_material,
)
from spaner.project import Project
from spaner.training.plan import TrainingPlan, concept_names, number_usable
from spaner.usable_rows import UsableRows

DOUBTED = 0.5
"""Probability of being wrong from which a label is listed."""

CHANGED = 0.05
"""Share of the labels that are changed on purpose, to try the list on them."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a row says of a label: its cosines with the class means of its own modality.

    `label_cosine` is that of the label, `nearest_cosine` that of the `nearest` other concept.
    `log_odds` says how much more this speaks for a right label than for a wrong one, going by
    labels of the modality as they are and changed on purpose; `doubts` whether it does not.
    """

    modality: str
    line: int
    id: str
    input: str
    label_cosine: float
    nearest: str
    nearest_cosine: float
    log_odds: float
    doubts: bool


@dataclass(frozen=True, kw_only=True)
class DoubtedLabel:
    """A row whose label is doubted, and why; `suggested` is what the strongest doubt is nearest to.

    `p_wrong` in [0, 1] is how probable it is that the label is wrong, by all evidence together.
    """

    modality: str
    line: int
    id: str
    input: str
    concept: str
    item: str | None
    suggested: str
    p_wrong: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What the list is worth: labels `changed` on purpose, those `found`, and others `mistaken`.

    Others are labels that were listed then, and are not as the manifest has them.
    """

    changed: int
    found: int
    mistaken: int


@dataclass(frozen=True, kw_only=True)
class LabelReport:
    """Doubted labels, the most doubtful first, of `judged` ones for which there is evidence.

    `wrong_share` is how many of these seem wrong; `trial` None where nothing was judged.
    """

    manifest: Path
    rows: int
    judged: int
    wrong_share: float
    doubted: tuple[DoubtedLabel, ...]
    trial: Trial | None


def doubt_labels(project: Project, plan: TrainingPlan) -> LabelReport:
    """Look for doubted labels among training rows, by untrained features.

    What a label's own row resembles, and rows of other modalities that have the same item, is
    evidence. Features that the store lacks are extracted; no space is needed. Raises as
    `Project.features`.
    """
    read = {name: project.features(name, rows) for name, rows in plan.rows.items()}
    material = _material(project, plan, read)
    weighed = weigh_material(material)
    for name in read.keys() - weighed.keys():
        project.say(f"labels of {name!r} are not weighed: its aligner has no class means of core's")
    labels = find_evidence(weighed)
    judged = sorted(zip(p_wrong_of(labels), labels, strict=True), key=lambda one: -one[0])
    doubted = [(p_wrong, label) for p_wrong, label in judged if p_wrong >= DOUBTED]
    return LabelReport(
        manifest=project.manifest.path,
        rows=sum(len(part.rows) for part in weighed.values()),
        judged=len(judged),
        wrong_share=sum(p_wrong for p_wrong, _ in judged) / max(len(judged), 1),
        doubted=tuple(_doubted(read, *one, plan.concepts) for one in doubted),
        trial=_try(material, [label for _, label in doubted]) if judged else None,
    )


def _try(material: Material, doubted: Sequence[LabelEvidence]) -> Trial:
    """Change labels at random and see whether they are listed; `doubted` are listed as it is."""
    rows = with_wrong_labels(material.rows, CHANGED, seed=0).rows
    known = {(label.modality, label.place) for label in doubted}
    labels = find_evidence(weigh_material(material.with_rows(rows)))
    count = found = mistaken = 0
    for p_wrong, label in zip(p_wrong_of(labels), labels, strict=True):
        given, now = (part[label.modality].concepts[label.place] for part in (material.rows, rows))
        changed, listed = bool(given != now), p_wrong >= DOUBTED
        count += changed
        found += listed and changed
        mistaken += listed and not changed and (label.modality, label.place) not in known
    return Trial(changed=count, found=found, mistaken=mistaken)


def _material(project: Project, plan: TrainingPlan, read: Mapping[str, UsableRows]) -> Material:
    return Material(
        modalities={
            name: ModalityMaterial(
                record=project.assembly.record(name),
                build=project.assembly.aligner_builder(name, prompt_dim=project.config.prompt.dim),
                rows=number_usable(project, usable, concepts=plan.concepts),
            )
            for name, usable in read.items()
        },
        label_texts=plan.label_texts,
        names=concept_names(project, plan.names_from, plan.label_texts)
        if plan.names_from
        else None,
    )


def _doubted(
    read: Mapping[str, UsableRows], p_wrong: float, label: LabelEvidence, concepts: Sequence[str]
) -> DoubtedLabel:
    row = read[label.modality].rows[label.place]
    return DoubtedLabel(
        modality=label.modality,
        line=row.line,
        id=row.id,
        input=row.input,
        concept=str(row.concept),
        item=row.item,
        suggested=concepts[min(label.findings, key=lambda one: one.log_odds).nearest],
        p_wrong=p_wrong,
        evidence=tuple(
            _evidence(read[one.modality].rows[one.place], one, concepts) for one in label.findings
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
        log_odds=found.log_odds,
        doubts=found.log_odds < 0,
    )
