"""Says what of the calibration beside a space fits it now."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from spaner_core.features.inputs import Stamp, stamp_of
from spaner_core.space.embeddings import VectorKey
from spaner_core.space.records import Strength

from spaner.project import Project
from spaner.search.calibration_file import (
    RENEW,
    Calibration,
    existing_calibration,
    read_calibration,
    read_familiar,
)
from spaner.search.familiar_rows import Familiar
from spaner.space_files import EARLIER_CALIBRATION

ReadT = TypeVar("ReadT")


def usable_familiar(project: Project, modality: str) -> tuple[Familiar | None, tuple[str, ...]]:
    """Return the familiar rows of a modality beside the space, and what to say of their lack.

    None where there is no calibration, where it says nothing of the modality, or where the
    modality's aligner or encoder is another now. Raises `SpaceError` as `read_calibration` does.
    """
    path = existing_calibration(project.config.space)
    if path is None:
        return None, ()
    if path.name.endswith(EARLIER_CALIBRATION):
        return None, (
            f"{path} was written by an earlier version and does not say which queries are "
            f"unfamiliar; renew it: {RENEW}",
        )
    familiar = _read(read_familiar, path, modality)
    if familiar is None or familiar.record.key == project.space.vector_key(modality, strength=0.0):
        return familiar, ()
    return None, (
        f"{path} is stale and does not say whether a query of {modality!r} is familiar: it has "
        f"another aligner or encoder now; renew it: {RENEW}",
    )


def usable_calibration(
    project: Project, *, source: str, targets: Sequence[str], strength: Strength | None = None
) -> tuple[Calibration | None, tuple[str, ...]]:
    """Return the calibration beside the space as far as it fits, and what to say of the rest.

    A pair fits where the keys of both its modalities are those that the space has now at this pull
    strength. None where there is no calibration, or nothing of it fits. Raises `SpaceError` as
    `read_calibration` does, or where the space lacks a modality.
    """
    path = existing_calibration(project.config.space)
    if path is None:
        return None, ()
    calibration = _read(read_calibration, path)
    strengths = project.space.strengths
    calibration = calibration.part(strength, pull=strengths.pull(strength))
    now = {
        name: project.space.vector_key(name, strength=strength)
        for name in (source, *targets)
        if name in calibration.keys
    }
    strange = {name for name, key in now.items() if key != calibration.keys[name]}
    others = [target for target in dict.fromkeys(targets) if target != source]
    stale = [target for target in others if strange & {source, target}]
    fresh = [target for target in others if target not in stale]
    pairs = tuple(pair for t in fresh if (pair := calibration.pair(source, t)) is not None)
    return dataclasses.replace(calibration, pairs=pairs) if pairs else None, (
        *_stale_notice(path, calibration, now, stale, usual=strengths.trained.values()),
        *_lacking_notices(path, calibration, source, fresh),
    )


def _read(read: Callable[..., ReadT], path: Path, *more: Hashable) -> ReadT:
    """Read a file once for as long as it stays the same: a service asks for every query."""
    try:
        stamp = stamp_of(path.stat())
    except OSError:  # which reading it explains
        return read(path, *more)
    found: ReadT = _read_once(read, path.absolute(), stamp, *more)
    return found


@lru_cache(maxsize=32)
def _read_once(read: Callable[..., ReadT], path: Path, _stamp: Stamp, *more: Hashable) -> ReadT:
    return read(path, *more)


def _stale_notice(
    path: Path,
    calibration: Calibration,
    now: Mapping[str, VectorKey],
    targets: Sequence[str],
    *,
    usual: Collection[float],
) -> tuple[str, ...]:
    """Say for hits in which modalities it is not used, and why."""
    if not targets:
        return ()
    reasons, renew = [], RENEW
    for name, key in now.items():
        earlier = calibration.keys[name]
        if earlier.strength != key.strength:
            reasons.append(f"it holds at pull strength {earlier.strength!r}, not {key.strength!r}")
            if key.strength not in usual:
                renew = f"{RENEW[:-1]} --strength {key.strength!r}`"
        if dataclasses.replace(earlier, strength=key.strength) != key:
            reasons.append(f"{name!r} has another aligner or encoder now")
    hits = ", ".join(map(repr, targets))
    return (
        f"{path} is stale and not used for hits of {hits}: {'; '.join(dict.fromkeys(reasons))}; "
        f"renew it: {renew}",
    )


def _lacking_notices(
    path: Path, calibration: Calibration, source: str, targets: Sequence[str]
) -> tuple[str, ...]:
    return tuple(
        f"{path} says nothing of {source!r} → {target!r}: there were too few rows, or no such "
        f"modality yet; {RENEW} looks again"
        for target in targets
        if calibration.pair(source, target) is None
    )
