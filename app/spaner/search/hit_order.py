"""Ranks hits of several modalities by probability, or in turn.

Cosines do not compare across modalities: every pair has a level of its own, and those of a text
with other texts lie above those with recordings, however well these fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from typing import NamedTuple

from spaner_core.data.manifest import Row

from spaner.search.calibration_file import Calibration


class Nearest(NamedTuple):
    """A row of a gallery, its cosine with the query, and whether the query names it.

    `same_anchor` says whether the anchor nearest to it is the query's.
    """

    row: Row
    cosine: float
    exact: bool = False
    same_anchor: bool = True


def probability_of(calibration: Calibration | None, source: str, hit: Nearest) -> float | None:
    """Return how probably a hit is relevant, 0 to 1; None where nothing is known of its pair."""
    pair = calibration.pair(source, hit.row.modality) if calibration else None
    return pair.probability.at(hit.cosine) if pair and pair.probability else None


def matches(
    calibration: Calibration | None, source: str, hit: Nearest, *, gallery: int
) -> bool | None:
    """Whether a hit passes for a match among `gallery` rows; None without a threshold."""
    pair = calibration.pair(source, hit.row.modality) if calibration else None
    if pair is None or pair.threshold is None:
        return None
    return pair.threshold.passes(hit.cosine, gallery=gallery, same_anchor=hit.same_anchor)


def in_order(
    found: Mapping[str, Sequence[Nearest]],
    calibration: Calibration | None,
    *,
    source: str,
    k: int,
    each: bool = False,
    sizes: Mapping[str, int] | None = None,
) -> list[tuple[int, Nearest]]:
    """Rank what every target modality has found, nearest first: `k` in all, or `k` of `each`.

    What the query names comes before all others, and what passes for a match before what does not:
    among many rows, `sizes` by modality, the best wrong ones have a high probability too, and a
    list of these would read as "no match".
    """
    if each:
        return [ranked for hits in found.values() for ranked in enumerate(hits[:k], start=1)]
    if len(found) < 2 or _lacking(calibration, source, found):
        layers = zip_longest(*found.values())
        listed = [hit for layer in layers for hit in layer if hit is not None]
    else:  # sorting is stable: equal probabilities keep the order of the targets
        every = chain.from_iterable(found.values())
        listed = sorted(every, key=lambda hit: -(probability_of(calibration, source, hit) or 0))
        rows = sizes or {}
        listed.sort(
            key=lambda hit: (
                matches(calibration, source, hit, gallery=rows.get(hit.row.modality, 0)) is False
            )
        )
    listed.sort(key=lambda hit: not hit.exact)
    return list(enumerate(listed[:k], start=1))


def turn_notices(
    calibration: Calibration | None, *, source: str, targets: Sequence[str]
) -> tuple[str, ...]:
    """Say where hits of several `targets` take turns, and why."""
    targets = tuple(dict.fromkeys(targets))
    lacking = _lacking(calibration, source, targets)
    if len(targets) < 2 or not lacking:
        return ()
    remedy = "--each lists every modality by itself"
    if source not in lacking:  # what a modality finds in itself is never calibrated
        remedy = f"`spaner calibrate` makes one list of them where rows suffice, {remedy}"
    return (
        f"hits of {', '.join(targets)} take turns, the best of each first: scores of different "
        f"modalities do not compare, and no calibration that fits says what those of "
        f"{source!r} → {', '.join(map(repr, lacking))} are worth; {remedy}",
    )


def _lacking(calibration: Calibration | None, source: str, targets: Iterable[str]) -> list[str]:
    """Name the targets whose hits have no probability."""
    known = {
        pair.target
        for pair in (calibration.pairs if calibration else ())
        if pair.source == source and pair.probability is not None
    }
    return [target for target in targets if target not in known]
