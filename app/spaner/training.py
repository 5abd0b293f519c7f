"""Training a project's space from nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from spaner_core import checkpoint
from spaner_core.data.labelled import LabelledRows, concepts_of, numbers_of
from spaner_core.data.manifest import Row
from spaner_core.modality import Aligner
from spaner_core.receipts import RECEIPT, find_parts
from spaner_core.records import AlignerRecord, PromptRecord
from spaner_core.training.joint import ConceptNames, Trained, fit_space
from spaner_core.training.monitoring import Monitor, replacing_traces

from spaner.monitoring import monitor_training, monitoring_notices
from spaner.notices import (
    coverage_notices,
    label_notices,
    spelling_notices,
    unlabelled_notices,
)
from spaner.outputs import check_new_space, check_traces
from spaner.plan import (
    count_parameters,
    declared_modalities,
    label_modality,
    read_project_labels,
    training_rows,
)
from spaner.project import Project, UsableRows


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """What a training did: rows, parameters trained, and rows that could not be used."""

    space: Path
    rows: dict[str, int]
    trained_parameters: dict[str, int]
    concepts: int
    anchors: str
    put_aside: dict[str, int]
    receipts: tuple[Path, ...]


def train(
    project: Project,
    names: Sequence[str] = (),
    *,
    overwrite: bool = False,
) -> TrainingReport:
    """Train a new space with the named modalities (all declared ones by default).

    Raises `OutputExists` before anything is extracted where the space exists, or holds more than
    a space, and `ConfigError` where it cannot be written.
    """
    config = project.config
    check_new_space(project)
    check_traces(project)
    checkpoint.check_output(config.space, overwrite=overwrite)
    names = declared_modalities(project, names)
    project.assembly.check_options(names)
    label_texts = read_project_labels(project)
    source = label_modality(project, names, label_texts)
    concepts = tuple(label_texts)
    chosen = {name: training_rows(project, name) for name in names}
    project.freshness.check(names)
    monitor = monitor_training(project, names)
    usable = {name: project.features(name, rows) for name, rows in chosen.items()}
    rows = {name: part.rows for name, part in usable.items()}
    project.say(
        *spelling_notices(concepts, project.manifest.rows),
        *coverage_notices(rows, concepts),
        *unlabelled_notices(rows),
    )
    labels = ConceptNames(source, label_rows(project, source, label_texts)) if source else None
    with replacing_traces(monitor) as aside:
        trained = _fit(project, usable, labels, concepts=concepts, monitor=aside)
        record = _prompt_record(project, label_texts, trained)
        aligners = _with_records(project, trained, rows, anchors=len(concepts))
        checkpoint.save_space(config.space, trained.prompt, record, aligners, overwrite=overwrite)
    for name in names:
        project.freshness.trained(name)
    project.say(*label_notices(trained), *monitoring_notices(project, monitor, names))
    return TrainingReport(
        space=config.space,
        rows={name: len(part) for name, part in rows.items()},
        trained_parameters={
            name: count_parameters(aligner) for name, aligner in trained.aligners.items()
        },
        concepts=len(concepts),
        anchors=record.anchors,
        put_aside=project.quarantine.counts,
        receipts=tuple(config.space / part / RECEIPT for part in find_parts(config.space)),
    )


def _fit(
    project: Project,
    usable: Mapping[str, UsableRows],
    labels: ConceptNames | None,
    *,
    concepts: Sequence[str],
    monitor: Monitor,
) -> Trained:
    dim = project.config.prompt.dim
    return fit_space(
        {name: project.assembly.aligner_builder(name, prompt_dim=dim) for name in usable},
        {name: project.labelled(part, concepts) for name, part in usable.items()},
        concepts=concepts,
        labels=labels,
        recipe=project.config.recipe,
        device=project.device,
        monitor=monitor,
    )


def _with_records(
    project: Project, trained: Trained, rows: Mapping[str, Sequence[Row]], *, anchors: int
) -> dict[str, tuple[Aligner, AlignerRecord]]:
    return {
        name: (aligner, aligner_record(project, name, rows[name], prompt="", anchors=anchors))
        for name, aligner in trained.aligners.items()
    }


def label_rows(
    project: Project, modality: str, label_texts: Mapping[str, tuple[str, ...]]
) -> LabelledRows:
    """Extract features of concepts' names with the modality that embeds them, a row a text.

    Concepts are numbered in the order of `label_texts`.
    """
    concepts = tuple(label_texts)
    pairs = [(concept, text) for concept in concepts for text in label_texts[concept]]
    features = project.assembly.extract(modality, [text for _, text in pairs])
    project.assembly.modality(modality).encoder.prove()  # the prompt is written from them
    return LabelledRows(
        features=features,
        concepts=numbers_of((concept for concept, _ in pairs), concepts),
        items=numbers_of([None] * len(pairs), ()),
    )


def aligner_record(
    project: Project, name: str, rows: Sequence[Row], *, prompt: str, anchors: int
) -> AlignerRecord:
    """Describe a trained aligner: its modality, its place in the prompt, what it has seen."""
    return AlignerRecord(
        **vars(project.assembly.record(name)),
        prompt_fingerprint=prompt,
        anchor_count=anchors,
        training=_decided_by(project),
        concepts=concepts_of(rows),
    )


def _prompt_record(
    project: Project, label_texts: Mapping[str, tuple[str, ...]], trained: Trained
) -> PromptRecord:
    recipe, source = project.config.recipe, trained.label_modality
    return PromptRecord(
        concepts=tuple(label_texts),
        label_texts=dict(label_texts),
        anchors="labels" if trained.tied else "random",
        dim=recipe.prompt.dim,
        strength=recipe.prompt.strength,
        label_source=project.assembly.record(source) if source is not None else None,
        informativeness=trained.informativeness,
        recipe={**asdict(recipe), "training": _decided_by(project)},
    )


def _decided_by(project: Project) -> dict[str, object]:
    """Return the settings of a training that its weights depend on."""
    config = project.config
    return {**asdict(config.recipe.training), **config.training.deciding}
