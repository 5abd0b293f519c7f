"""Holds why a row was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spaner_core.space.embeddings import VectorKey

from spaner.reports import Audited, Report

SHOWN = 3
"""Parts that are told of a side, the strongest first."""

CAVEAT = (
    "Parts are those whose cover lowers the score of this one pair, and a cover may look strange "
    "to the encoder; neither they nor the anchors prove that the match is right, or what the "
    "encoder has understood."
)


@dataclass(frozen=True, kw_only=True)
class SharedAnchor:
    """An anchor: its `share` of the score, and the weights with which both sides attend to it."""

    concept: str
    share: float
    query_weight: float
    hit_weight: float


@dataclass(frozen=True, kw_only=True)
class PartFall:
    """A part of an input, and how much the cosine falls for its being covered."""

    label: str
    fall: float


@dataclass(frozen=True, kw_only=True)
class ExplainedSide:
    """The query, or the hit: its parts, the strongest fall first, of `encodings` covered copies.

    `without_parts` says why there are none. `key` is what its embedding depends on.
    """

    input: str
    modality: str
    parts: tuple[PartFall, ...]
    encodings: int
    without_parts: str | None
    key: VectorKey


@dataclass(frozen=True, kw_only=True)
class UsedCalibration:
    """The split and samples that a hit's probability comes from; it may have none all the same."""

    split: str
    queries: int
    gallery: int
    probability: float | None


@dataclass(frozen=True, kw_only=True, repr=False)
class Explanation(Report):
    """Why a row was found: `cosine` is its score, taken at the pull `strength`.

    The shares of `anchors`, the largest ones, and `other` add up to one; where there are none,
    `without_anchors` says why.
    `calibration` is None where there is none for this pair at this strength.
    """

    id: str
    cosine: float
    strength: float
    anchors: tuple[SharedAnchor, ...]
    other: float | None
    without_anchors: str | None
    query: ExplainedSide
    hit: ExplainedSide
    calibration: UsedCalibration | None
    caveat: str = CAVEAT

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited({"hits": 1}, (self.query.modality, self.hit.modality), [self.id])

    def __repr__(self) -> str:
        return "\n".join([*self.lines(), f"  {self.caveat}"])

    def lines(self) -> Iterator[str]:
        """Tell it line by line, of parts the strongest alone, but the caveat."""
        yield (
            f"Why {self.id}: cosine {self.cosine:+.3f} at pull strength {self.strength:g}, "
            f"{_of_calibration(self.calibration)}"
        )
        yield f"  anchors: {self._shares()}"
        for title, side in (("query", self.query), ("hit", self.hit)):
            yield f"  {title} ({side.modality}, vectors {_short_key(side.key)}): {_of_parts(side)}"

    def _shares(self) -> str:
        if self.other is None:
            return f"none: {self.without_anchors}"
        named = [
            f"{one.concept} {one.share:.0%} (attended by {one.query_weight:.2f} of the query, "
            f"{one.hit_weight:.2f} of the hit)"
            for one in self.anchors
        ]
        return ", ".join([*named, f"other {self.other:.0%}"])


def _of_calibration(used: UsedCalibration | None) -> str:
    if used is None:
        return "not calibrated"
    likely = "no probability" if used.probability is None else f"probability {used.probability:.2f}"
    return (
        f"{likely} by the calibration on split {used.split} ({used.queries:,} queries, "
        f"{used.gallery:,} rows)"
    )


def _of_parts(side: ExplainedSide) -> str:
    if side.without_parts is not None:
        return side.without_parts
    speaking = [one for one in side.parts[:SHOWN] if one.fall > 0]
    named = ", ".join(f"{one.label} ({one.fall:+.3f})" for one in speaking)
    return f"{named or 'no part speaks for it'}; {side.encodings} copies with covered parts"


def _short_key(key: VectorKey) -> str:
    return f"{key.aligner[:8]}/{key.prompt[:8]}"
