"""Holds what was found of new data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaner.reports import Audited, Report


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A test of whether new rows are like held-out ones.

    `effect` says how far they are apart, 0 where they are alike. `adjusted` is `p_value` corrected
    for all tests of the report; `drifted` whether it is at most the report's false-alarm rate.
    """

    effect: float
    p_value: float
    adjusted: float
    drifted: bool


@dataclass(frozen=True, kw_only=True)
class WatchedShare:
    """A share of the new rows with its 95% interval, beside that of the held-out rows."""

    new: float
    low: float
    high: float
    held_out: float


@dataclass(frozen=True, kw_only=True)
class TowardsTarget:
    """What new rows find in the training rows of another modality, beside what held-out rows do.

    `no_match` is the share without a match, None where the calibration has no threshold for the
    pair. `score` and `held_out_score` are medians of the best cosine, `scores` tests all of them.
    """

    target: str
    no_match: WatchedShare | None
    score: float
    held_out_score: float
    scores: Tested


@dataclass(frozen=True, kw_only=True)
class ConceptShare:
    """The share of rows that are nearest to a concept, and whether it fades.

    `fading` tests whether it is lower than among held-out rows; None where none of these is there.
    """

    concept: str
    new: float
    held_out: float
    fading: Tested | None


@dataclass(frozen=True, kw_only=True)
class ModalityDrift:
    """What was found of one modality: `rows` samples, of which `unusable` cannot be read.

    They are compared with `held_out` samples. `concepts` are those that rows of either side are
    nearest to.
    """

    modality: str
    rows: int
    unusable: int
    held_out: int
    unfamiliar: WatchedShare
    familiarity: Tested
    features: Tested
    towards: tuple[TowardsTarget, ...]
    concepts: tuple[ConceptShare, ...]

    @property
    def fading(self) -> tuple[ConceptShare, ...]:
        """The concepts that fade."""
        return tuple(one for one in self.concepts if one.fading and one.fading.drifted)

    @property
    def tests(self) -> Iterator[tuple[str, Tested]]:
        """All tests, each with what it asks."""
        yield "unfamiliar", self.familiarity
        yield "features", self.features
        for one in self.towards:
            yield f"scores with {one.target}", one.scores
        for concept in self.concepts:
            if concept.fading:
                yield f"fading of {concept.concept}", concept.fading


@dataclass(frozen=True, kw_only=True, repr=False)
class DriftReport(Report):
    """Whether the rows of the manifest `new` are like those of the held-out `split`.

    Of new data that is like the old, at most the share `false_alarms` of reports has `drifted`,
    which is so where one of `tests` tests says so. `passed` names the bounds that were asked for
    and are passed.
    """

    rows_in = "modalities"

    new: Path
    split: str
    false_alarms: float
    tests: int
    drifted: bool
    passed: tuple[str, ...]
    modalities: tuple[ModalityDrift, ...]

    def __repr__(self) -> str:
        said = "drift" if self.drifted else "no drift"
        lines = [
            f"DriftReport of {self.new}: {said} in {self.tests} tests, false-alarm rate "
            f"{self.false_alarms:g}"
        ]
        for one in self.modalities:
            found = [what for what, test in one.tests if test.drifted]
            lines.append(
                f"  {one.modality}: {one.rows} rows, unfamiliar {one.unfamiliar.new:.3f} "
                f"(usual {one.unfamiliar.held_out:.3f}), drift of {', '.join(found) or 'nothing'}"
            )
        return "\n".join([*lines, *(f"  passed: {bound}" for bound in self.passed)])

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        counts = {"rows": sum(one.rows for one in self.modalities), "tests": self.tests}
        return Audited(counts, [one.modality for one in self.modalities])

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return every test of every modality."""
        return [
            {"modality": one.modality, "of": what, **vars(test)}
            for one in self.modalities
            for what, test in one.tests
        ]
