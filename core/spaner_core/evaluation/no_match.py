"""Fits the threshold below which the answer is "no match"."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spaner_core.evaluation.calibration import TooFewSamples
from spaner_core.evaluation.ranking import SCORE_STEPS, Rows, scored_blocks


@dataclass(frozen=True, kw_only=True)
class MatchThreshold:
    """A query whose best hit has a cosine below `cosine` has no match in the gallery.

    For one ordered pair of modalities and one pull strength. `asked` is the false-accept rate it
    was chosen for; on the data it was chosen on, `false_accept_rate` of `absent` queries without
    any relevant gallery row passed all the same, and `false_reject_rate` of `present` queries with
    one did not (None where there were no such queries). It is a dataclass of numbers:
    `dataclasses.asdict` goes into JSON, and `MatchThreshold(**stored)` comes back. Raises
    `ValueError` where a number is not finite.
    """

    cosine: float
    asked: float
    false_accept_rate: float
    false_reject_rate: float | None
    absent: int
    present: int

    def __post_init__(self) -> None:
        numbers = (self.cosine, self.asked, self.false_accept_rate, self.false_reject_rate or 0)
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"got {self}; expected finite numbers; calibrate again")

    def passes(self, cosine: float) -> bool:
        """Whether a best hit of this cosine is a match."""
        return cosine >= self.cosine


def fit_match_threshold(
    queries: Tensor, gallery: Tensor, relevant: Rows, *, false_accept_rate: float = 0.05
) -> MatchThreshold:
    """Choose the lowest threshold that keeps to `false_accept_rate` on validation rows.

    Shapes: `queries` (Q, D), `gallery` (G, D), `relevant` (Q, G) bool. *Leave-concept-out*: for
    each query all gallery rows that are relevant to it are left out, which makes of it a query
    without an answer; its best hit is the best of the rest (none where nothing is left, and the
    query does not count). With a_q that best, of n queries, and b_q the best hit in the whole
    gallery of the queries that have a relevant row, over all thresholds t:

        cosine = min { t : mean_q [a_q >= t] <= false_accept_rate }
        false accepts = mean_q [a_q >= cosine]          false rejects = mean_q [b_q < cosine]

    Scores are compared to six decimals, and the threshold lies halfway between two such steps: a
    score equal to one that was to be refused is refused. Such a query's concept is known to the
    space and missing from the gallery; one that the space never saw may behave otherwise. On other
    rows the rates may be far off: a single gallery row that lies with another concept's is the best
    hit of all queries of that concept, so that false accepts come by the concept and grow with the
    gallery; what counts is that these rows are as hard as those to come. Source: the project's
    definition. Raises `ValueError` when shapes do not fit, an entry is not finite or the rate is
    not between 0 and 1, `TooFewSamples` where n · rate < 1: then not one query may pass, and the
    data cannot tell the rate from 0.
    """
    if not 0 < false_accept_rate < 1:
        raise ValueError(
            f"got a false-accept rate of {false_accept_rate}; expected more than 0 and less than "
            "1; give for example 0.05"
        )
    absent, present = _best_scores(queries, gallery, relevant)
    count = len(absent)
    allowed = sum(passed / count <= false_accept_rate for passed in range(1, count))
    if not allowed:
        raise TooFewSamples(
            f"got {count} queries to choose a false-accept rate of {false_accept_rate:g} on; "
            f"expected at least {math.ceil(1 / false_accept_rate)}; give more validation rows, "
            "or a higher rate"
        )
    refused = int(absent.sort(descending=True).values[allowed])  # the highest that may not pass
    return MatchThreshold(
        cosine=(refused + 0.5) / SCORE_STEPS,
        asked=false_accept_rate,
        false_accept_rate=float((absent > refused).double().mean()),
        false_reject_rate=float((present <= refused).double().mean()) if len(present) else None,
        absent=count,
        present=len(present),
    )


def _best_scores(queries: Tensor, gallery: Tensor, relevant: Rows) -> tuple[Tensor, Tensor]:
    """Best scores without the relevant rows, and in the whole gallery where there is one."""
    absent, present = [torch.zeros(0, dtype=torch.int32)], [torch.zeros(0, dtype=torch.int32)]
    for steps, marks in scored_blocks(queries, gallery, relevant):
        if not steps.shape[1]:
            continue
        rest = steps.masked_fill(marks, torch.iinfo(steps.dtype).min).amax(dim=1)
        absent.append(rest[~marks.all(dim=1)].cpu())
        present.append(steps.amax(dim=1)[marks.any(dim=1)].cpu())
    return torch.cat(absent), torch.cat(present)
