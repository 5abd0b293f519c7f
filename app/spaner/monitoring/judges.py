"""Reads by what new rows are judged, as the policy lets it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from spaner_core.errors import SpaceError

from spaner.audit.actions import note_pairs
from spaner.policy.links import check_links, may_link
from spaner.project import Project
from spaner.search.calibration_file import (
    RENEW,
    Calibration,
    existing_calibration,
    read_calibration,
)
from spaner.search.familiar_rows import Familiar
from spaner.search.usable_calibration import usable_familiar
from spaner.usable_modalities import usable_modalities


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judges:
    """By what modalities are judged.

    `targets` names for each the others that its rows are matched with, `familiar` are its familiar
    rows; `strength` is the pull strength at which the calibration holds.
    """

    calibration: Calibration
    strength: float
    targets: Mapping[str, Sequence[str]]
    familiar: Mapping[str, Familiar]


def find_judges(project: Project, names: Sequence[str]) -> Judges:
    """Find by what the modalities `names` are judged.

    Those that may be measured with nothing are left out. Raises `NotPermitted` where these are
    all of them, `SpaceError` where there is no calibration, it
    does not say of one which rows are unfamiliar, or a modality has another aligner or encoder now.
    """
    linked = _linked(project, names)
    for name, others in linked.items():
        note_pairs(name, others, purpose="measure")
    path = existing_calibration(project.config.space)
    if path is None:
        raise SpaceError(
            f"the space {project.config.space} has no calibration, so nothing says what is usual; "
            "make one with `spaner calibrate`"
        )
    familiar = {name: _familiar(project, name) for name in linked}
    calibration = read_calibration(path)
    strength = calibration.strength
    if strength is None:
        raise SpaceError(f"{path} says nothing of any modality; renew it: {RENEW}")
    targets = {
        name: [target for target in others if calibration.pair(name, target) is not None]
        for name, others in linked.items()
    }
    for name in dict.fromkeys([*targets, *(one for part in targets.values() for one in part)]):
        key = calibration.keys.get(name)
        if key is not None and key != project.space.vector_key(name, strength=strength):
            raise SpaceError(
                f"{path} is stale: {name!r} has another aligner or encoder now; renew it: {RENEW}"
            )
    return Judges(calibration=calibration, strength=strength, targets=targets, familiar=familiar)


def _linked(project: Project, names: Sequence[str]) -> dict[str, list[str]]:
    """Name for each modality the others that it may both find and be measured with."""
    config, usable = project.config, usable_modalities(project)
    found = {
        name: [
            target
            for target in usable
            if target != name and may_link(config, name, target, purpose="measure")
        ]
        for name in names
    }
    barred = [name for name, targets in found.items() if not targets]
    if barred and len(barred) == len(names):
        others = [name for name in config.modalities if name != barred[0]]
        check_links(config, barred[0], others, purpose="measure")
    for name in barred:
        project.left_out.add(name, "policy.links lets it be measured with nothing")
    return {
        name: [one for one in targets if may_link(config, name, one, purpose="search")]
        for name, targets in found.items()
        if targets
    }


def _familiar(project: Project, name: str) -> Familiar:
    """Return the familiar rows of a modality; `SpaceError` where there are none that fit."""
    familiar, notices = usable_familiar(project, name)
    if familiar is None:
        raise SpaceError(
            " ".join(notices)
            or f"the calibration does not say which rows of {name!r} are unfamiliar: there were "
            f"too few, no such modality yet, or it may find nothing; {RENEW} looks again, or name "
            "the modalities to look at behind the file"
        )
    return familiar
