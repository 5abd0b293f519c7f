"""Carries labels from one modality's rows to another's, and measures them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import torch
from spaner_core.data.manifest import Rows
from spaner_core.data.matches import NONE
from spaner_core.errors import ConfigError, DataError
from spaner_core.evaluation.held_back import choose_threshold, expect_accuracy, measure_carried
from spaner_core.evaluation.propagation import Carried, carry_labels

from spaner.evaluation.overlaps import trained_notices
from spaner.labelling.carried_labels import CarriedLabel, PropagationReport, Reason, write_labels
from spaner.labelling.chosen_samples import (
    TargetSamples,
    giving_rows,
    target_samples,
)
from spaner.labelling.embedded_samples import LabelledSamples, embed_samples, same_thing
from spaner.labelling.request import Propagation
from spaner.notices import missing_notices
from spaner.output_paths import check_output_file
from spaner.policy.links import check_links
from spaner.project import Project
from spaner.search.familiar_rows import Familiar
from spaner.search.usable_calibration import usable_familiar
from spaner.splits import TRAIN_SPLIT, VALIDATION_SPLIT

MIN_CONFIDENCE = 0.8


def propagate(
    project: Project, asked: Propagation, *, output: Path | None = None, overwrite: bool = False
) -> PropagationReport:
    """Carry labels as asked, and write them to `output`, a CSV, where one is named.

    Raises as `carry`, and as `check_output_file` before any work.
    """
    if not isinstance(asked, Propagation):
        raise ConfigError(f"asked is {asked!r}; give a spaner.Propagation")
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
    its item. An unfamiliar one gets no label by votes. One without a concept gets that of its item,
    where the rows of the item that may give theirs agree. Raises `ConfigError` where `policy.links`
    does not let the target take labels from the source, `DataError` where nobody gives or takes, or
    no threshold can be chosen.
    """
    check_links(project.config, asked.target, [asked.source], purpose="propagate")
    for name in (asked.source, asked.target):
        project.check_modality(name)
    giving = giving_rows(project, asked.source)
    choose = asked.target_accuracy is not None
    taking = target_samples(
        project, asked.target, split=asked.split, choose=choose, check=asked.check
    )
    givers, takers, found = _carry(project, asked, giving, taking)
    threshold = _threshold(project, asked, found, takers, taking)
    choosing = takers.places(taking.choosing)
    expected = expect_accuracy(found.take(choosing), takers.marks[choosing], threshold=threshold)
    held_back = takers.places(taking.held_back)
    measured = measure_carried(found.take(held_back), takers.marks[held_back], threshold=threshold)
    wanted = taking.unlabelled | (taking.held_back if asked.check else frozenset())
    labels = _labels(project, found, takers, givers, taking, threshold=threshold)
    project.say(*_notices(project, asked, giving, taking))
    return PropagationReport(
        source=asked.source,
        target=asked.target,
        givers=len(givers.rows),
        min_confidence=threshold,
        labels=tuple(label for label in labels if label.id in wanted),
        expected=expected if expected.rows else None,
        measured=measured if measured.rows else None,
        measured_on=takers.splits(held_back),
    )


def _carry(
    project: Project, asked: Propagation, giving: Rows, taking: TargetSamples
) -> tuple[LabelledSamples, LabelledSamples, Carried]:
    """Embed those who give and those who take, and let the ones vote for the others."""
    rows = project.manifest.select(asked.target).having("id", taking.all)
    familiar, notices = usable_familiar(project, asked.target)
    project.say(*(notices or _unjudged(asked.target, familiar)))
    givers = embed_samples(project, asked.source, giving, strength=asked.strength)
    takers = embed_samples(project, asked.target, rows, strength=asked.strength, familiar=familiar)
    found = carry_labels(
        takers.embeddings,
        givers.embeddings,
        givers.marks,
        left_out=same_thing(takers, givers, among=taking.knowing),
        k=asked.k,
    )
    if takers.judged is not None:
        found = found.without(torch.tensor([one.unfamiliar for one in takers.judged]).bool())
    return givers, takers, found


def _unjudged(name: str, familiar: Familiar | None) -> Iterator[str]:
    if familiar is None:
        yield (
            f"no calibration says which rows of {name!r} are unfamiliar: these get labels too; "
            "make one with `spaner calibrate`"
        )


def _threshold(
    project: Project,
    asked: Propagation,
    found: Carried,
    takers: LabelledSamples,
    taking: TargetSamples,
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
    project: Project,
    found: Carried,
    takers: LabelledSamples,
    givers: LabelledSamples,
    taking: TargetSamples,
    *,
    threshold: float,
) -> Iterator[CarriedLabel]:
    concepts = project.manifest.concepts
    of_items = _concepts_of_items(givers)
    columns = (found.concepts, found.confidences, found.evidence, found.kept(threshold))
    for row, concept, confidence, evidence, kept, judged in zip(
        takers.rows,
        *(column.tolist() for column in columns),
        takers.judged or repeat(None, len(takers.rows)),
        strict=True,
    ):
        near = tuple(givers.rows[place].id for place in evidence if place > NONE)
        reason: Reason = "votes" if kept else "unsure"
        if judged is not None and judged.unfamiliar:
            reason = "unfamiliar"
        if row.item in of_items and row.id in taking.unlabelled:
            concept, kept, reason = of_items[row.item], True, "item"
        yield CarriedLabel(
            id=row.id,
            modality=row.modality,
            input=row.input,
            concept=concepts[concept] if kept else None,
            confidence=confidence,
            nearest=near[0] if near else None,
            evidence=near,
            reason=reason,
            familiarity=None if judged is None else judged.familiarity,
        )


def _concepts_of_items(givers: LabelledSamples) -> dict[str | None, int]:
    """Return the concept of each item whose labelled samples show the same one, and no other."""
    shown = defaultdict(set)
    for row, marks in zip(givers.rows, givers.marks, strict=True):
        if row.item is not None:
            shown[row.item].update(marks.nonzero().flatten().tolist())
    return {item: concept for item, (concept, *others) in shown.items() if not others}


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
    if asked.target_accuracy is not None and taking.held_back & taking.choosing:
        yield "the threshold was chosen on the rows measured: expect less on others"
    held_back = project.manifest.select(asked.target).having("id", taking.held_back)
    yield from trained_notices(project, asked.target, held_back)
