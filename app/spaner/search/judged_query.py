"""Judges a query by the familiar rows of its modality."""

from __future__ import annotations

from dataclasses import dataclass

from spaner_core.errors import SpaceError
from spaner_core.features.rows import RowSource
from spaner_core.space.readings import read_rows

from spaner.project import Project
from spaner.search.familiar_rows import Familiar


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What familiar rows say of inputs.

    `familiarity` says how probably an input like the known ones would be as strange, `kind` how
    probably one of an unknown kind would look as much like one known kind; both are above 0 and at
    most 1, `kind` is None where nothing says. `unfamiliar` is whether `familiarity` is too low.
    """

    familiarity: float
    unfamiliar: bool
    kind: float | None


def judge(project: Project, modality: str, rows: RowSource, familiar: Familiar) -> list[Judgement]:
    """Judge features of inputs, each by itself.

    Raises `SpaceError` where the familiar rows are not what the modality's aligner reads.
    """
    units = read_rows(project.space.aligner(modality), rows)
    if units is None or units.shape[1] != familiar.measure.references.shape[1]:
        raise SpaceError(
            f"the calibration's familiar rows of {modality!r} are not what its aligner reads; make "
            "it anew with `spaner calibrate --overwrite`"
        )
    found = familiar.measure.p_values(units).tolist()
    kinds = [None] * len(found)
    if familiar.kinds is not None:
        kinds = familiar.kinds.p_values(units).tolist()
    return [
        Judgement(familiarity=one, unfamiliar=one <= familiar.record.rate, kind=kind)
        for one, kind in zip(found, kinds, strict=True)
    ]


def least_sure(judged: list[Judgement]) -> Judgement | None:
    """Join what is said of the parts of a query; None where nothing is."""
    if not judged:
        return None
    kinds = [one.kind for one in judged if one.kind is not None]
    return Judgement(
        familiarity=min(one.familiarity for one in judged),
        unfamiliar=any(one.unfamiliar for one in judged),
        kind=max(kinds, default=None),
    )
