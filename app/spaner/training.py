"""Training a project's space, and attaching a modality to it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from spaner_core import checkpoint
from spaner_core.data.labelled import LabelledRows, concepts_of, numbers_of
from spaner_core.data.manifest import Row
from spaner_core.errors import DataError
from spaner_core.receipts import RECEIPT, find_parts
from spaner_core.space import AlignerRecord, PromptRecord
from spaner_core.training.attach import fit_attached
from spaner_core.training.joint import Labels, Trained, fit_space

from spaner.plan import (
    count_parameters,
    label_modality,
    modalities_to_train,
    read_project_labels,
    training_rows,
)
from spaner.project import Project


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """What a training did: rows, parameters trained, and what the user should know."""

    space: Path
    rows: dict[str, int]
    trained_parameters: dict[str, int]
    concepts: int
    anchors: str
    notices: tuple[str, ...]
    receipts: tuple[Path, ...]


def train(
    project: Project,
    names: Sequence[str] = (),
    *,
    overwrite: bool = False,
    device: str = "auto",
) -> TrainingReport:
    """Train a new space with the named modalities (all declared ones by default).

    Raises `OutputExists` before anything is extracted where the space exists.
    """
    config = project.config
    checkpoint.check_output(config.space, overwrite=overwrite)
    names = modalities_to_train(project, names)
    label_texts = read_project_labels(project)
    concepts = tuple(label_texts)
    rows = {name: training_rows(project, name) for name in names}
    labelled = {name: project.labelled(name, rows[name], concepts) for name in names}
    dim = config.prompt.dim
    trained = fit_space(
        {name: project.assembly.aligner_builder(name, prompt_dim=dim) for name in names},
        labelled,
        concepts=concepts,
        labels=_labels(project, names, label_texts),
        recipe=config.recipe,
        device=device,
    )
    aligners = {
        name: (aligner, _record(project, name, rows[name], prompt="", anchors=len(concepts)))
        for name, aligner in trained.aligners.items()
    }
    record = _prompt_record(project, label_texts, trained)
    checkpoint.save_space(config.space, trained.prompt, record, aligners, overwrite=overwrite)
    return TrainingReport(
        space=config.space,
        rows={name: len(part) for name, part in labelled.items()},
        trained_parameters={
            name: count_parameters(aligner) for name, aligner in trained.aligners.items()
        },
        concepts=len(concepts),
        anchors=record.anchors,
        notices=(
            *_label_notices(trained),
            *_coverage_notices(rows, concepts),
            *_unlabelled_notices(rows),
        ),
        receipts=tuple(config.space / part / RECEIPT for part in find_parts(config.space)),
    )


def attach(project: Project, name: str, *, device: str = "auto") -> TrainingReport:
    """Train the aligner of `name` against the project's space and add it; nothing else changes.

    Raises `OutputExists` if the space has it, and `DataError` naming concepts that the prompt
    does not have.
    """
    config = project.config
    space = project.space.aligned
    checkpoint.check_attachable(space, config.space, name)
    modalities_to_train(project, [name])
    rows = training_rows(project, name)
    concepts = space.record.concepts
    _check_known(project, name, rows, concepts)
    labelled = project.labelled(name, rows, concepts)
    aligner = fit_attached(
        name,
        project.assembly.aligner_builder(name, prompt_dim=space.record.dim),
        labelled,
        space.prompt,
        training=config.recipe.training,
        device=device,
    )
    record = _record(project, name, rows, prompt=space.fingerprint, anchors=len(concepts))
    receipt = checkpoint.save_attached(config.space, aligner, record)
    missing = [concept for concept in concepts if concept not in record.concepts]
    return TrainingReport(
        space=config.space,
        rows={name: len(labelled)},
        trained_parameters={name: count_parameters(aligner)},
        concepts=len(record.concepts),
        anchors=space.record.anchors,
        notices=_missing_notice(name, missing),
        receipts=(receipt,),
    )


def _labels(
    project: Project, names: Sequence[str], label_texts: Mapping[str, tuple[str, ...]]
) -> Labels | None:
    """Embed the concepts' names with the modality that gives the prompt, if there is one."""
    modality = label_modality(project, names, label_texts)
    if modality is None:
        return None
    concepts = tuple(label_texts)
    pairs = [(concept, text) for concept in concepts for text in label_texts[concept]]
    features = project.assembly.extract(modality, [text for _, text in pairs])
    return Labels(
        modality=modality,
        rows=LabelledRows(
            features=features,
            concepts=numbers_of((concept for concept, _ in pairs), concepts),
            items=numbers_of([None] * len(pairs), ()),
        ),
    )


def _record(
    project: Project, name: str, rows: Sequence[Row], *, prompt: str, anchors: int
) -> AlignerRecord:
    return project.assembly.new_record(
        name,
        prompt_fingerprint=prompt,
        anchor_count=anchors,
        training=asdict(project.config.recipe.training),
        concepts=concepts_of(rows),
    )


def _prompt_record(
    project: Project, label_texts: Mapping[str, tuple[str, ...]], trained: Trained
) -> PromptRecord:
    recipe = project.config.recipe
    source = None
    if trained.label_modality is not None:
        plugin = project.registry.load(trained.label_modality)
        assembled = project.assembly.modality(trained.label_modality)
        source = {
            "modality": trained.label_modality,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "encoder_fingerprint": assembled.encoder.fingerprint,
        }
    return PromptRecord(
        concepts=tuple(label_texts),
        label_texts=dict(label_texts),
        anchors="labels" if trained.tied else "random",
        dim=recipe.prompt.dim,
        strength=recipe.prompt.strength,
        label_source=source,
        informativeness=trained.informativeness,
        recipe=asdict(recipe),
    )


def _check_known(project: Project, name: str, rows: Sequence[Row], concepts: Sequence[str]) -> None:
    unknown = [concept for concept in concepts_of(rows) if concept not in concepts]
    if unknown:
        first = next(row for row in rows if row.concept in unknown)
        raise DataError(
            f"{project.manifest.path}:{first.line}: the prompt has no anchor for "
            f"{', '.join(map(repr, unknown))}. Take these rows of {name!r} out or train a new "
            f"space; `spaner extend {shlex.join(unknown)}`, which appends anchors, comes with the "
            "next version"
        )


def _label_notices(trained: Trained) -> tuple[str, ...]:
    if trained.informativeness is None:
        return ("no concept names were embedded, so none made the anchors",)
    if trained.tied:
        return ()
    share = (
        f"{trained.informativeness:.0%} of the training rows lie nearest their own concept's name"
    )
    use = "names join training as rows" if trained.labels_used else "names are left out"
    return (f"{share}: too few to make anchors from names, so anchors are random and {use}",)


def _coverage_notices(
    rows: Mapping[str, Sequence[Row]], concepts: Sequence[str]
) -> tuple[str, ...]:
    seen = {name: set(concepts_of(part)) for name, part in rows.items()}
    notices: list[str] = []
    for concept in concepts:
        having = [name for name in seen if concept in seen[name]]
        if len(seen) > 1 and len(having) == 1:
            notices.append(
                f"concept {concept!r} has training rows in {having[0]!r} only: nothing links it to "
                "the other modalities but the prompt"
            )
        elif not having:
            notices.append(f"concept {concept!r} has an anchor but no training row")
    for name, found in seen.items():
        notices += _missing_notice(name, [c for c in concepts if c not in found])
    return tuple(notices)


def _unlabelled_notices(rows: Mapping[str, Sequence[Row]]) -> tuple[str, ...]:
    counts = {
        name: sum(row.concept is None and row.item is None for row in part)
        for name, part in rows.items()
    }
    return tuple(
        f"{count} training rows of {name!r} have neither concept nor item: they set its centre and "
        "scale only"
        for name, count in counts.items()
        if count
    )


def _missing_notice(name: str, missing: Sequence[str]) -> tuple[str, ...]:
    if not missing:
        return ()
    listed = ", ".join(missing)
    return (f"modality {name!r} has no training rows of {listed}: do not trust it on these",)
