"""Carries labels from one modality's rows to another's, and measures them."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

import torch
from spaner_core.data.manifest import Row, Rows
from spaner_core.data.matches import NONE, Labels, SamplePositives, number_rows, numbers_of
from spaner_core.errors import DataError
from spaner_core.evaluation.propagation import (
    Carried,
    carry_labels,
    choose_threshold,
    concept_marks,
    measure_carried,
)
from torch import Tensor

from spaner.evaluation.overlaps import trained_notices
from spaner.index.embed import embed_rows
from spaner.labelling.carried_labels import CarriedLabel, PropagationReport, write_labels
from spaner.labelling.chosen_samples import (
    TargetSamples,
    giving_rows,
    target_samples,
)
from spaner.labelling.request import Propagation
from spaner.notices import missing_notices
from spaner.output_paths import check_output_file
from spaner.policy.links import check_links
from spaner.project import Project
from spaner.splits import TRAIN_SPLIT, VALIDATION_SPLIT

MIN_CONFIDENCE = 0.8


@dataclass(frozen=True)
class _Samples:
    """Samples of a modality: a row of each, embeddings (n, D), marks of their concepts (n, C)."""

    rows: tuple[Row, ...]
    embeddings: Tensor
    marks: Tensor

    def places(self, ids: Set[str]) -> Tensor:
        """Where the samples named `ids` stand, (m,) int64."""
        return torch.tensor([n for n, row in enumerate(self.rows) if row.id in ids]).long()


def propagate(
    project: Project, asked: Propagation, *, output: Path | None = None, overwrite: bool = False
) -> PropagationReport:
    """Carry labels as asked, and write them to `output`, a CSV, where one is named.

    Raises as `carry`, and as `check_output_file` before any work.
    """
    check_links(project.config, asked.target, [asked.source], purpose="propagate")
    if output is not None:
        check_output_file(project, output, flag="--output", overwrite=overwrite, suffix=".csv")
    report = carry(project, asked)
    if output is not None:
        write_labels(report.labels, output)
        project.say(f"labels written to {output}")
    return report


def carry(project: Project, asked: Propagation) -> PropagationReport:
    """Carry labels as asked.

    They come from rows of split train and rows without a split: those of other splits are for
    measuring. A sample whose own label is held back gets no vote from itself, nor from a row of
    its item. Raises `ConfigError` where `policy.links` does not let the target take labels from the
    source, `DataError` where nobody gives or takes, or no threshold can be chosen.
    """
    check_links(project.config, asked.target, [asked.source], purpose="propagate")
    for name in (asked.source, asked.target):
        project.check_modality(name)
    giving = giving_rows(project, asked.source)
    taking = target_samples(
        project,
        asked.target,
        split=asked.split,
        choose=asked.target_accuracy is not None,
        check=asked.check,
    )
    givers, takers, found = _carry(project, asked, giving, taking)
    threshold = _threshold(project, asked, found, takers, taking)
    held_back = takers.places(taking.held_back)
    measured = measure_carried(found.take(held_back), takers.marks[held_back], threshold=threshold)
    wanted = taking.unlabelled | (taking.held_back if asked.check else frozenset())
    labels = _labels(project, found, takers, givers, threshold=threshold)
    project.say(*_notices(project, asked, giving, taking))
    return PropagationReport(
        source=asked.source,
        target=asked.target,
        givers=len(givers.rows),
        min_confidence=threshold,
        labels=tuple(label for label in labels if label.id in wanted),
        measured=measured if measured.rows else None,
        measured_on=tuple(
            sorted({takers.rows[place].split or "(none)" for place in held_back.tolist()})
        ),
    )


def _carry(
    project: Project, asked: Propagation, giving: Rows, taking: TargetSamples
) -> tuple[_Samples, _Samples, Carried]:
    """Embed those who give and those who take, and let the ones vote for the others."""
    rows = project.manifest.select(asked.target).having("id", taking.all)
    givers = _embed(project, asked.source, giving, strength=asked.strength)
    takers = _embed(project, asked.target, rows, strength=asked.strength)
    found = carry_labels(
        takers.embeddings,
        givers.embeddings,
        givers.marks,
        left_out=_same_thing(takers, givers, among=taking.knowing),
        k=asked.k,
    )
    return givers, takers, found


def _embed(project: Project, name: str, rows: Rows, *, strength: float | None) -> _Samples:
    """Embed the samples of `rows`, which repeat one for each of its concepts."""
    usable = project.features(name, rows)
    labels = number_rows(usable.rows, project.manifest)
    first, order = labels.first_rows().sort()  # in the manifest's order
    samples = usable.take(first)
    return _Samples(
        rows=tuple(samples.rows),
        embeddings=embed_rows(project, name, samples, strengths=[strength])[strength],
        marks=concept_marks(labels, count=len(project.manifest.concepts))[order],
    )


def _same_thing(takers: _Samples, givers: _Samples, *, among: Set[str]) -> SamplePositives:
    """Say which givers are, or show the same item as, which takers; only for takers `among`."""
    things = [_thing(row) for row in givers.rows]
    known = tuple(dict.fromkeys(things))
    own = (_thing(row) if row.id in among else None for row in takers.rows)
    return SamplePositives(_by_item(numbers_of(own, known)), _by_item(numbers_of(things, known)))


def _thing(row: Row) -> str:
    return f"sample {row.id}" if row.item is None else f"item {row.item}"


def _by_item(items: Tensor) -> Labels:
    return Labels(concepts=torch.full_like(items, NONE), items=items)


def _threshold(
    project: Project, asked: Propagation, found: Carried, takers: _Samples, taking: TargetSamples
) -> float:
    if asked.target_accuracy is None:
        return MIN_CONFIDENCE if asked.min_confidence is None else asked.min_confidence
    places = takers.places(taking.choosing)
    try:
        return choose_threshold(
            found.take(places), takers.marks[places], accuracy=asked.target_accuracy
        )
    except ValueError as error:
        raise DataError(
            f"{project.manifest.path}: --target-accuracy on rows of {asked.target!r} in split "
            f"{VALIDATION_SPLIT!r}: {error}"
        ) from error


def _labels(
    project: Project, found: Carried, takers: _Samples, givers: _Samples, *, threshold: float
) -> Iterator[CarriedLabel]:
    concepts = project.manifest.concepts
    columns = (found.concepts, found.confidences, found.nearest, found.kept(threshold))
    for row, concept, confidence, nearest, kept in zip(
        takers.rows, *(column.tolist() for column in columns), strict=True
    ):
        yield CarriedLabel(
            id=row.id,
            modality=row.modality,
            input=row.input,
            concept=concepts[concept] if kept else None,
            confidence=confidence,
            nearest=givers.rows[nearest].id if nearest > NONE else None,
        )


def _notices(
    project: Project, asked: Propagation, giving: Rows, taking: TargetSamples
) -> Iterator[str]:
    """Say which concepts and which figures are not to be trusted."""
    carried = giving.concepts
    for name in dict.fromkeys((asked.target, asked.source)):
        yield from missing_notices(name, project.space.unseen(name, carried))
    known = project.manifest.select(asked.target).concepts
    if lacking := [concept for concept in known if concept not in carried]:
        yield (
            f"no row of {asked.source!r} that may give labels has {', '.join(lacking)}: rows of "
            f"{asked.target!r} that show it are left out or labelled wrongly"
        )
    if not taking.held_back:
        yield (
            f"nothing was measured: of the rows of {asked.target!r} asked for, none that was not "
            "trained on has a concept to hold back"
        )
    elif asked.split == TRAIN_SPLIT:
        yield "the rows measured were trained on: expect less on others"
        return
    if taking.held_back & taking.choosing:
        yield "the threshold was chosen on the rows measured: expect less on others"
    held_back = project.manifest.select(asked.target).having("id", taking.held_back)
    yield from trained_notices(project, asked.target, held_back)
