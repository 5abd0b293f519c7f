"""Attaches a modality to a space, or trains an attached one anew."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator, Mapping, Sequence

from spaner_core.data.manifest import Rows
from spaner_core.errors import DataError
from spaner_core.space.destination import check_attachable
from spaner_core.space.records import AlignerRecord
from spaner_core.space.saving import save_attached
from spaner_core.space.space import Space
from spaner_core.space.strengths import Strengths
from spaner_core.training.attached import fit_attached
from spaner_core.training.batches import settle_steps
from spaner_core.training.joint import settings_of, trained_strengths
from spaner_core.training.material import ConceptNames
from spaner_core.training.monitoring import replacing_traces, say
from spaner_core.training.settled import pulled_rows

from spaner.notices import (
    missing_notices,
    spelling_notices,
    unlabelled_notices,
    unseen_notices,
)
from spaner.output_paths import check_growing_space, check_traces
from spaner.project import Project
from spaner.seen_rows import note_seen
from spaner.training.partners import describe_pull, embed_partners, paired_rows
from spaner.training.plan import (
    concept_names,
    count_parameters,
    modality_material,
    read_project_labels,
    training_rows,
)
from spaner.training.train import TrainingReport
from spaner.training.watch import monitor_attaching, monitoring_notices


def attach(project: Project, name: str, *, replace: bool = False) -> TrainingReport:
    """Train the aligner of `name` against the project's space and add it; nothing else changes.

    With `replace` it takes the place of the aligner that is there, trained on every concept that
    the prompt has by now; its old embeddings are stale then. Raises `OutputExists` if the space
    has `name` and `replace` is false, `SpaceError` if there is nothing to replace, and `DataError`
    naming concepts that the prompt does not have.
    """
    config, space = project.config, project.space
    _check_place(project, name, replace=replace)
    rows = training_rows(project, name)
    paired = paired_rows(project, name, rows)
    _check_pulled(project, name, rows, paired)
    _check_known(project, name, rows, space.concepts)
    project.say(*spelling_notices(space.concepts, project.manifest.rows))
    project.freshness.check([name])
    monitor = monitor_attaching(project, name)
    material = modality_material(
        project, name, rows, concepts=space.concepts, prompt_dim=space.record.dim
    )
    learnt = material.rows
    partners = embed_partners(project, paired, learnt)
    say(f"{name!r} attaches by {describe_pull(learnt.known_concepts, partners.pairs)}")
    pulled = {name: pulled_rows(learnt, partners.rows), **partners.rows}
    training = settle_steps(config.recipe.training, pulled)
    record = material.describe(
        space.concepts,
        prompt_fingerprint=space.fingerprint,
        training=settings_of(training, monitor),
        pairs=partners.pairs if "thing" in trained_strengths(pulled, config.recipe) else {},
    )
    with replacing_traces(monitor) as aside:
        aligner = fit_attached(
            name,
            material.build,
            learnt,
            space.prompt,
            names=_names(project, name),
            partners=partners.rows,
            recipe=dataclasses.replace(config.recipe, training=training),
            device=project.device,
            monitor=aside,
        )
        receipt = save_attached(config.space, aligner, record, replace=replace)
    project.freshness.trained(name)
    note_seen(project, [name], {name: rows, **{other: paired[other] for other in partners.rows}})
    project.say(
        *_notices(space, record, replace=replace),
        *unlabelled_notices({name: material.rows}, use_unlabelled=training.use_unlabelled),
        *monitoring_notices(project, monitor, [name]),
    )
    return TrainingReport(
        space=config.space,
        rows={name: len(material.rows)},
        trained_parameters={name: count_parameters(aligner)},
        concepts=len(record.concepts),
        anchors=space.record.anchors,
        pairs=partners.pairs,
        put_aside=project.quarantine.counts,
        receipts=(receipt,),
        strengths=Strengths.of_space(
            space.record, {**space.records, name: record}.values()
        ).trained,
    )


def _check_place(project: Project, name: str, *, replace: bool) -> None:
    """Raise where the space cannot take an aligner of `name`, or nothing declares it."""
    project.config.check_declared([name])
    having = {*project.space.records, *project.space.damaged}
    check_attachable(project.config.space, name, having=having, replace=replace)
    check_growing_space(project, "aligners")
    check_traces(project)


def _notices(space: Space, record: AlignerRecord, *, replace: bool) -> Iterator[str]:
    name, seen = record.modality, record.concepts
    yield from missing_notices(name, [concept for concept in space.concepts if concept not in seen])
    yield from _strangers(space, name, seen)
    if replace:
        yield f"embeddings of {name!r} that were kept from before are stale"
        yield from _moved_away(space, record)


def _moved_away(space: Space, record: AlignerRecord) -> Iterator[str]:
    """Name modalities that were attached by pairs with the one replaced, and have no part in it."""
    name = record.modality
    for other, known in space.records.items():
        if name in known.pairs and other not in record.pairs:
            yield (
                f"{other!r} was attached by {known.pairs[name]:,} pairs with {name!r} as it was "
                f"before, and {name!r} learnt nothing of {other!r} now: they lie further apart. "
                f"Train {other!r} on it: `spaner attach {other} --replace`"
            )


def _names(project: Project, name: str) -> ConceptNames | None:
    """Give the names of the prompt's concepts where `name` can read them and they are wanted.

    They are those that the space recorded, or today's where nothing read any when it was trained.
    """
    space, able = project.space, project.registry.load(name).modality.embeds_labels
    texts = space.label_texts
    if not able or len(texts) < 2 or project.config.prompt.anchors == "random":
        return None
    if space.record.label_source is None:
        today = read_project_labels(project)
        texts = {concept: today.get(concept, known) for concept, known in texts.items()}
    return concept_names(project, name, texts)


def _strangers(space: Space, name: str, concepts: Sequence[str]) -> tuple[str, ...]:
    """Warn of the other modalities, on concepts appended to the prompt after their training."""
    later = [concept for concept in concepts if concept not in space.blocks[0].concepts]
    return unseen_notices(space, later, [other for other in space.modalities if other != name])


def _check_pulled(project: Project, name: str, rows: Rows, paired: Mapping[str, Rows]) -> None:
    """Raise `DataError` where there is nothing to attach by: no concept, and no partner."""
    if rows.concepts or paired:
        return
    space = project.space
    others = ", ".join(other for other in space.modalities if other != name)
    raise DataError(
        f"{project.manifest.path}:{rows[0].line}: the training rows of {name!r} have items and no "
        f"concepts, and no training row of another modality of the space ({others}) shows one of "
        "these items; an aligner is attached to the anchors of concepts "
        f"({', '.join(space.concepts) or 'this space has none'}) or to rows of the same items. "
        "Give rows a concept, or the item that their partners have"
    )


def _check_known(project: Project, name: str, rows: Rows, concepts: Sequence[str]) -> None:
    unknown = [concept for concept in rows.concepts if concept not in concepts]
    if unknown:
        first = next(row for row in rows if row.concept in unknown)
        alike = "".join(f". {said}" for said in spelling_notices([*concepts, *unknown]))
        raise DataError(
            f"{project.manifest.path}:{first.line}: the prompt has no anchor for "
            f"{', '.join(map(repr, unknown))}. Append anchors with `spaner extend "
            f"{shlex.join(unknown)}`, or take these rows of {name!r} out{alike}"
        )
