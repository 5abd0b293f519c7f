"""Compares new rows with held-out ones by several tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from spaner_core.evaluation.drift import (
    Shift,
    adjusted,
    fading,
    feature_shift,
    needed_permutations,
    score_shift,
    tail_shift,
)
from spaner_core.evaluation.intervals import share_interval
from torch import Tensor

from spaner.monitoring.report import (
    ConceptShare,
    ModalityDrift,
    Tested,
    TowardsTarget,
    WatchedShare,
)
from spaner.monitoring.seen_rows import SeenRows
from spaner.search.calibration_file import Calibration
from spaner.search.familiar_rows import Familiar

Question = Literal["unfamiliar", "features", "scores", "concepts"]
QUESTIONS: tuple[Question, ...] = ("unfamiliar", "features", "scores", "concepts")


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Rows of a modality that are compared: new ones, held-out ones, and what both are judged by.

    `galleries` says how many rows they find something among in each other modality, `unusable` how
    many new rows could not be read.
    """

    new: SeenRows
    held_out: SeenRows
    familiar: Familiar
    galleries: Mapping[str, int]
    unusable: int


class _Asked(NamedTuple):
    """What a test asks: of which modality, and of which target or concept."""

    question: Question
    modality: str
    about: str = ""


def compare(
    watched: Mapping[str, Watched],
    calibration: Calibration,
    *,
    concepts: Mapping[str, Sequence[str]],
    rate: float,
) -> list[ModalityDrift]:
    """Compare what was watched of each modality, with all tests together at a false-alarm `rate`.

    `concepts` names the anchors of the modalities whose concepts are looked at.
    """
    shifts = dict(_shifts(watched, concepts, rate=rate))
    families = {
        question: [shift.p_value for one, shift in shifts.items() if one.question == question]
        for question in QUESTIONS
    }
    corrected = {question: iter(values) for question, values in adjusted(families).items()}
    tested = {}
    for one, shift in shifts.items():
        value = next(corrected[one.question])
        tested[one] = Tested(
            effect=shift.effect, p_value=shift.p_value, adjusted=value, drifted=value <= rate
        )
    return [
        _drift(name, part, calibration, tested, concepts.get(name, ()))
        for name, part in watched.items()
    ]


def _shifts(
    watched: Mapping[str, Watched], concepts: Mapping[str, Sequence[str]], *, rate: float
) -> Iterator[tuple[_Asked, Shift]]:
    """Make all tests, those of one question in one order."""
    permutations = needed_permutations(rate, families=len(QUESTIONS), tests=len(watched))
    for name, part in watched.items():
        new, old = part.new, part.held_out
        measure, unfamiliar = part.familiar.measure, part.familiar.record.rate
        near = measure.nearness(new.units)
        yield (
            _Asked("unfamiliar", name),
            tail_shift(near, measure.held_out, rate=unfamiliar),
        )
        yield (
            _Asked("features", name),
            feature_shift(new.units, old.units, permutations=permutations),
        )
        for target, best in new.best.items():
            yield _Asked("scores", name, target), score_shift(best, old.best[target])
        anchors = concepts.get(name, ())
        before = _counts(old, len(anchors))
        for place, shift in enumerate(fading(_counts(new, len(anchors)), before)):
            if before[place]:
                yield _Asked("concepts", name, anchors[place]), shift


def _drift(
    name: str,
    part: Watched,
    calibration: Calibration,
    tested: Mapping[_Asked, Tested],
    anchors: Sequence[str],
) -> ModalityDrift:
    new, old = part.new, part.held_out
    shares = [_counts(rows, len(anchors)) / len(rows) for rows in (new, old)]
    return ModalityDrift(
        modality=name,
        rows=len(new) + part.unusable,
        unusable=part.unusable,
        held_out=len(old),
        unfamiliar=_unfamiliar(part),
        familiarity=tested[_Asked("unfamiliar", name)],
        features=tested[_Asked("features", name)],
        towards=tuple(
            TowardsTarget(
                target=target,
                no_match=_no_match(name, target, part, calibration),
                score=float(best.median()),
                held_out_score=float(old.best[target].median()),
                scores=tested[_Asked("scores", name, target)],
            )
            for target, best in new.best.items()
        ),
        concepts=tuple(
            ConceptShare(
                concept=concept,
                new=now,
                held_out=before,
                fading=tested.get(_Asked("concepts", name, concept)),
            )
            for concept, now, before in zip(anchors, *(s.tolist() for s in shares), strict=True)
            if now or before
        ),
    )


def _unfamiliar(part: Watched) -> WatchedShare:
    """Judge new rows by all held-out ones, and each of these by the others."""
    measure, rate = part.familiar.measure, part.familiar.record.rate
    known = measure.held_out
    own = torch.searchsorted(known, known, right=True).double() / len(known)
    return _share(measure.p_values(part.new.units) <= rate, own <= rate)


def _no_match(
    source: str, target: str, part: Watched, calibration: Calibration
) -> WatchedShare | None:
    """Judge as a search does, but of unfamiliar rows as well."""
    pair = calibration.pair(source, target)
    if pair is None or pair.threshold is None:
        return None
    sides = []
    for rows in (part.new, part.held_out):
        found = rows.best[target] >= pair.threshold.at(part.galleries[target])
        if rows.kinds is not None and calibration.same == "kind":
            found &= rows.kinds <= calibration.false_accept_rate
        sides.append(~found)
    return _share(*sides)


def _share(new: Tensor, held_out: Tensor) -> WatchedShare:
    low, high = share_interval(int(new.sum()), len(new))
    return WatchedShare(
        new=float(new.double().mean()),
        low=low,
        high=high,
        held_out=float(held_out.double().mean()),
    )


def _counts(rows: SeenRows, count: int) -> Tensor:
    return torch.bincount(rows.nearest, minlength=count)[:count]
