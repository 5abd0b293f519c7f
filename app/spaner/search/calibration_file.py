"""Keeps what cosines are worth between modalities, beside the space."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spaner_core.errors import SpaceError
from spaner_core.evaluation.calibration import HitProbability
from spaner_core.evaluation.no_match import MatchThreshold
from spaner_core.files.atomic import written_at_end
from spaner_core.files.documents import fit, read_versioned
from spaner_core.space.embeddings import VectorKey
from spaner_core.space.records import Strength

from spaner.project import Project
from spaner.space_files import CALIBRATION, beside

FORMAT_VERSION = 1
RENEW = "`spaner calibrate --overwrite`"


@dataclass(frozen=True, kw_only=True)
class CalibratedPair:
    """What cosines of `source` queries with `target` rows are worth.

    It was fitted on `queries` and `gallery` samples; what they said too little of is None.
    """

    source: str
    target: str
    queries: int
    gallery: int
    probability: HitProbability | None
    threshold: MatchThreshold | None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What `<space>.calibration.json` says: the pairs, and the `keys` for which they hold.

    Thresholds were chosen for `false_accept_rate`, above 0 and below 1. `things` says the same of
    hits that show the very same thing, where the space has a pull strength for these besides.
    Raises `ValueError` for any other rate, and where a pair's modality has no key.
    """

    split: str
    false_accept_rate: float
    keys: Mapping[str, VectorKey]
    pairs: tuple[CalibratedPair, ...]
    things: Calibration | None = None

    def __post_init__(self) -> None:
        named = {name for pair in self.pairs for name in (pair.source, pair.target)}
        if missing := sorted(named - self.keys.keys()):
            raise ValueError(f"no key of {', '.join(missing)}")
        if not 0 < self.false_accept_rate < 1:  # so that NaN is refused too
            raise ValueError(f"a false_accept_rate of {self.false_accept_rate}")

    @property
    def strength(self) -> float | None:
        """The pull strength at which it holds."""
        return next((key.strength for key in self.keys.values()), None)

    def part(self, strength: Strength | None, *, pull: float) -> Calibration:
        """Return what holds where `strength` is asked for, which is `pull`: kinds' or things'."""
        things = self.things
        if things is None or strength == "kind":
            return self
        asked = strength == "thing" or (pull != self.strength and pull == things.strength)
        return things if asked else self

    def pair(self, source: str, target: str) -> CalibratedPair | None:
        """Return what is known of this ordered pair, None where it was left out."""
        return next((p for p in self.pairs if (p.source, p.target) == (source, target)), None)


def calibration_path(space: Path) -> Path:
    """Return where the calibration of the space at `space` is: beside it, never within."""
    return beside(space, CALIBRATION)


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write the file, whole or not at all."""
    content = {"format_version": FORMAT_VERSION, **dataclasses.asdict(calibration)}
    with written_at_end(path) as new:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        new.write_text(text + "\n", encoding="utf-8")


def read_calibration(path: Path) -> Calibration | None:
    """Read the file, None where there is none.

    Raises `SpaceError` where it is damaged, or not what this SPANER writes.
    """
    try:
        version, content = read_versioned(path)
        if version != FORMAT_VERSION:
            raise ValueError(f"format version {version!r}, this SPANER reads {FORMAT_VERSION}")
        return fit(content, Calibration)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise SpaceError(
            f"{path} is no calibration that can be read ({why}); remove it, or make it anew with "
            f"{RENEW}"
        ) from error


def usable_calibration(
    project: Project, *, source: str, targets: Sequence[str], strength: Strength | None = None
) -> tuple[Calibration | None, tuple[str, ...]]:
    """Return the calibration beside the space as far as it fits, and what to say of the rest.

    A pair fits where the keys of both its modalities are those that the space has now at this pull
    strength. None where there is no calibration, or nothing of it fits. Raises `SpaceError` as
    `read_calibration` does, or where the space lacks a modality.
    """
    path = calibration_path(project.config.space)
    calibration = read_calibration(path)
    if calibration is None:
        return None, ()
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
