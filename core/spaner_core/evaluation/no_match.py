"""Fits the threshold below which the answer is "no match"."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from spaner_core.evaluation.calibration import ALIKE, TooFewSamples, constant_scores
from spaner_core.evaluation.ranking import SCORE_STEPS, Rows, scored_blocks

PARTS, DRAWS = (2, 4, 8), 5
"""Parts of a gallery, one in so many rows, in which its growth is seen, each drawn so often."""

FEWEST_ROWS = 8
"""Rows that such a part has at least."""

NEVER = -SCORE_STEPS - 2
"""A score below all others."""

MOST_LOST = 0.05
"""Share of the queries with a relevant row that may lose their match for being asked its anchor."""

Anchors = tuple[Tensor, Tensor]
"""Numbers of the anchors nearest to queries (Q,) and to gallery rows (G,), int64."""


@dataclass(frozen=True, kw_only=True)
class MatchThreshold:
    """A query whose best hit has a cosine below `cosine` has no match in the gallery.

    For one ordered pair of modalities and one pull strength. `asked` is the false-accept rate it
    was chosen for; on the data it was chosen on, `false_accept_rate` of `absent` queries without
    any relevant gallery row passed all the same, and `false_reject_rate` of `present` queries with
    one did not (None where there were no such queries). It is a dataclass of numbers:
    `dataclasses.asdict` goes into JSON, and `MatchThreshold(**stored)` comes back. Raises
    `ValueError` where a number is not finite.

    It holds for galleries of up to `gallery` rows. The best of more wrong rows is higher: a gallery
    e times as large needs a cosine that is `growth` higher. With `same_anchor`, only a row whose
    nearest anchor is the query's is a match.
    """

    cosine: float
    asked: float
    false_accept_rate: float
    false_reject_rate: float | None
    absent: int
    present: int
    gallery: int = 0
    growth: float = 0.0
    same_anchor: bool = False

    def __post_init__(self) -> None:
        numbers = (self.cosine, self.asked, self.false_accept_rate, self.false_reject_rate or 0)
        if not all(map(math.isfinite, (*numbers, self.growth))):
            raise ValueError(f"got {self}; expected finite numbers; calibrate again")

    def at(self, gallery: int) -> float:
        """Return the cosine that a best hit needs in a gallery of so many rows.

        It may lie above 1: then no hit can be told from the best of so many wrong rows.
        """
        if not self.gallery or gallery <= self.gallery:
            return self.cosine
        return self.cosine + self.growth * math.log(gallery / self.gallery)

    def passes(self, cosine: float, *, gallery: int = 0, same_anchor: bool = True) -> bool:
        """Whether a hit of this cosine, in a gallery of so many rows, is a match.

        `same_anchor` says whether the anchor nearest to it is the query's.
        """
        return cosine >= self.at(gallery) and (same_anchor or not self.same_anchor)


def fit_match_threshold(
    queries: Tensor,
    gallery: Tensor,
    relevant: Rows,
    *,
    false_accept_rate: float = 0.05,
    passing: Tensor | None = None,
    anchors: Anchors | None = None,
) -> MatchThreshold:
    """Choose the lowest threshold that keeps to `false_accept_rate` on validation rows.

    Shapes: `queries` (Q, D), `gallery` (G, D), `relevant` (Q, G) bool. *Leave-concept-out*: for
    each query all gallery rows that are relevant to it are left out, which makes of it a query
    without an answer; its best hit is the best of the rest (none where nothing is left, and the
    query does not count). With a_q that best, of n queries, and b_q the best hit in the whole
    gallery of the queries that have a relevant row, over all thresholds t:

        cosine = min { t : mean_q [a_q >= t] <= false_accept_rate }
        false accepts = mean_q [a_q >= cosine]          false rejects = mean_q [b_q < cosine]

    With `passing` (Q,) bool, queries that are false there are rejected whatever their score, so
    that the others may pass by a lower one. With `anchors`, the numbers of the anchors nearest to
    queries (Q,) and rows (G,), a match is asked to have the query's, where that costs at most one
    in twenty of the queries with a relevant row their match. The threshold stays, and both rates
    are what they are then.

    How the best wrong score grows with the gallery is seen in parts of it, an eighth, a quarter and
    a half, each drawn 5 times: `growth` is the slope, at least 0, of the line by least squares
    through the cosines chosen so, over the logarithm of the number of rows. Maxima of independent
    scores with an exponential tail grow so (Gumbel's law; Gumbel, 1958, Statistics of Extremes).

    Scores are compared to six decimals, and the threshold lies halfway between two such steps: a
    score equal to one that was to be refused is refused. Such a query's concept is known to the
    space and missing from the gallery; one that the space never saw may behave otherwise. On other
    rows the rates may be far off: a single gallery row that lies with another concept's is the best
    hit of all queries of that concept, so that false accepts come by the concept and grow with the
    gallery; what counts is that these rows are as hard as those to come. Source: the project's
    definition. Raises `ValueError` when shapes do not fit, an entry is not finite or the rate is
    not between 0 and 1, `TooFewSamples` where n · rate < 1: then not one query may pass, and the
    data cannot tell the rate from 0, and where all a_q and b_q are the same.
    """
    if not 0 < false_accept_rate < 1:
        raise ValueError(
            f"got a false-accept rate of {false_accept_rate}; expected more than 0 and less than "
            "1; give for example 0.05"
        )
    best = _best_scores(queries, gallery, relevant, passing, parts=_parts(len(gallery)))
    absent, count = best.absent[0], len(best.absent[0])
    if not _allowed(count, false_accept_rate):
        raise TooFewSamples(
            f"got {count} queries to choose a false-accept rate of {false_accept_rate:g} on; "
            f"expected at least {math.ceil(1 / false_accept_rate)}; give more validation rows, of "
            "more concepts, or a higher rate"
        )
    low, high = (int(end) for end in torch.cat([absent, best.present]).aminmax())
    if low > NEVER and high - low < ALIKE * SCORE_STEPS:
        raise TooFewSamples(constant_scores(low / SCORE_STEPS))
    refused = _refused(absent, false_accept_rate)
    accepts, rejects = _rates(best, refused)
    same_anchor = False
    if anchors is not None and rejects is not None:
        whole = [torch.arange(len(gallery))]
        asked = _best_scores(queries, gallery, relevant, passing, parts=whole, anchors=anchors)
        fewer, more = _rates(asked, refused)
        if more is not None and more - rejects <= MOST_LOST:
            accepts, rejects, same_anchor = fewer, more, True
    return MatchThreshold(
        cosine=(refused + 0.5) / SCORE_STEPS,
        asked=false_accept_rate,
        false_accept_rate=accepts,
        false_reject_rate=rejects,
        absent=count,
        present=len(best.present),
        gallery=len(gallery),
        growth=_growth(best, false_accept_rate),
        same_anchor=same_anchor,
    )


def _allowed(count: int, rate: float) -> int:
    """Return how many of `count` queries without an answer may pass."""
    return sum(passed / count <= rate for passed in range(1, count))


def _refused(absent: Tensor, rate: float) -> int:
    """Return the highest best score, in steps, that may not pass."""
    return int(absent.sort(descending=True).values[_allowed(len(absent), rate)])


def _rates(best: _BestScores, refused: int) -> tuple[float, float | None]:
    """Return the rates of false accepts and, where a query has a relevant row, false rejects."""
    accepted, rejected = best.absent[0] > refused, best.present <= refused
    rejects = float(rejected.double().mean()) if len(rejected) else None
    return float(accepted.double().mean()), rejects


class _BestScores(NamedTuple):
    """Best scores of queries, in steps, in parts of a gallery that have `rows` each.

    `absent` are those without the relevant rows, of the queries that some are left for, the whole
    gallery first; `present` those in the whole gallery of the queries, at the places `having`, that
    have a relevant row there.
    """

    rows: list[int]
    absent: list[Tensor]
    present: Tensor
    having: Tensor


def _best_scores(
    queries: Tensor,
    gallery: Tensor,
    relevant: Rows,
    passing: Tensor | None,
    *,
    parts: Sequence[Tensor],
    anchors: Anchors | None = None,
) -> _BestScores:
    absent: list[list[Tensor]] = [[torch.zeros(0, dtype=torch.int32)] for _ in parts]
    present, having, start = [torch.zeros(0, dtype=torch.int32)], [torch.zeros(0).long()], 0
    for steps, marks in scored_blocks(queries, gallery, relevant):
        block = slice(start, start + len(steps))
        if passing is not None:
            refused = ~passing[block].to(steps.device)
            steps = steps.masked_fill(refused.unsqueeze(1), NEVER)
        if anchors is not None:
            others = anchors[0][block].unsqueeze(1) != anchors[1]
            steps = steps.masked_fill(others.to(steps.device), NEVER)
        for found, part in zip(absent, parts, strict=True):
            if len(part):
                own, mine = steps[:, part], marks[:, part]
                rest = own.masked_fill(mine, NEVER).amax(dim=1)
                found.append(rest[~mine.all(dim=1)].cpu())
        if steps.shape[1]:
            places = marks.any(dim=1).nonzero().flatten()
            present.append(steps.amax(dim=1)[places].cpu())
            having.append(start + places.cpu())
        start += len(steps)
    joined = [torch.cat(found) for found in absent]
    return _BestScores([*map(len, parts)], joined, torch.cat(present), torch.cat(having))


def _parts(rows: int) -> list[Tensor]:
    """Draw rows of a gallery: all of them, then parts of it, the same ones each time."""
    generator = torch.Generator().manual_seed(0)
    sizes = [rows // share for share in PARTS if rows // share >= FEWEST_ROWS]
    drawn = [
        torch.randperm(rows, generator=generator)[:size] for size in sizes for _ in range(DRAWS)
    ]
    return [torch.arange(rows), *drawn]


def _growth(best: _BestScores, rate: float) -> float:
    """Slope, at least 0, of the chosen cosine over the logarithm of the number of rows."""
    points = [
        (math.log(rows), refused / SCORE_STEPS)
        for rows, absent in zip(best.rows, best.absent, strict=True)
        if _allowed(len(absent), rate) and (refused := _refused(absent, rate)) > NEVER
    ]
    if len({size for size, _ in points}) < 2:
        return 0.0
    return max(0.0, statistics.linear_regression(*zip(*points, strict=True)).slope)
