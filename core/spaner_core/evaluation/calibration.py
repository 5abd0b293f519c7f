"""Fits the probability that a hit with a given cosine is relevant."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spaner_core.evaluation.ranking import SCORE_STEPS, Rows, check_k, first_places, scored_blocks

LEAST_HITS = 10
"""Fewer relevant, or fewer irrelevant, hits than this say too little."""

ALIKE = 1e-5
"""Scores that differ by less are the same: rows that are equal are not computed to the last bit."""


class TooFewSamples(ValueError):  # noqa: N818  (a verdict on the data, not a fault)
    """There is too little data to fit what was asked for."""


def constant_scores(cosine: float) -> str:
    """Say that nothing can be fitted to scores that are all the same."""
    return (
        f"all scores are the same ({cosine:.3f}), so none tells a right hit from a wrong one; look "
        "whether the encoders tell these rows apart"
    )


@dataclass(frozen=True, kw_only=True)
class HitProbability:
    """Probability that a hit is relevant, by its cosine: σ(slope · cosine + intercept).

    σ(x) = 1 / (1 + exp(-x)). It holds for one ordered pair of modalities, one pull strength, and
    galleries like the one it was fitted on: where a gallery holds more relevant rows a query, the
    same cosine is worth more. It was fitted on `hits` hits, of which `relevant_share` (0 to 1) was
    relevant. It is a dataclass of numbers: `dataclasses.asdict` goes into JSON, and
    `HitProbability(**stored)` comes back. Raises `ValueError` where a number is not finite or
    `slope` is below 0.
    """

    slope: float
    intercept: float
    hits: float
    relevant_share: float

    def __post_init__(self) -> None:
        numbers = (self.slope, self.intercept, self.hits, self.relevant_share)
        if not all(map(math.isfinite, numbers)) or self.slope < 0:
            raise ValueError(
                f"got {self}; expected finite numbers and a slope of 0 or more; calibrate again"
            )

    def at(self, cosine: float) -> float:
        """Return the probability, 0 to 1, that a hit with this cosine is relevant."""
        # the logistic function, written so that no exponent overflows
        return (1 + math.tanh((self.slope * cosine + self.intercept) / 2)) / 2


def fit_hit_probability(
    queries: Tensor, gallery: Tensor, relevant: Rows, *, k: int = 10
) -> HitProbability:
    """Fit how probable it is that a hit is relevant to the first k hits of every query.

    Shapes: `queries` (Q, D), `gallery` (G, D), `relevant` (Q, G) bool: validation rows, never test
    rows. A hit is a gallery row among the first k of a query, in part where rows tie for the last
    places (`first_places`). Formula: maximum likelihood of slope and intercept of a logistic
    regression of relevance on the cosine, with Platt's targets (n₊ + 1) / (n₊ + 2) for the n₊
    relevant and 1 / (n₋ + 2) for the n₋ other hits instead of 1 and 0. Where relevant hits have
    the *lower* cosines, the slope is 0 and every hit gets the mean: the map never falls. Source:
    Platt (1999), Probabilistic Outputs for Support Vector Machines, section 2.2.

    Why not isotonic regression: training makes log-odds about linear in the cosine, two numbers
    fit from few validation rows, where a step function follows their noise, and strict growth
    keeps the order of hits and never says 0 or 1. With thousands of hits isotonic regression would
    follow other shapes better. Raises `ValueError` when shapes do not fit, an entry is not finite
    or k < 1, `TooFewSamples` below 10 relevant or 10 other hits, and where all have one score.
    """
    check_k(k)
    cosines, hits, found = _hits_by_score(queries, gallery, relevant, k)
    # rounded: ten hits that come of shared places sum to a little less than ten
    positive, negative = (round(float(part.sum()), 6) for part in (found, hits - found))
    if min(positive, negative) < LEAST_HITS:
        raise TooFewSamples(
            f"got {positive:g} relevant and {negative:g} other hits among the first {k} of "
            f"{len(queries)} queries; expected at least {LEAST_HITS} of each; give more validation "
            "rows, of more concepts"
        )
    if cosines[-1] - cosines[0] < ALIKE:
        raise TooFewSamples(constant_scores(float(cosines[0])))
    high, low = (positive + 1) / (positive + 2), 1 / (negative + 2)
    target = (found * high + (hits - found) * low) / hits  # (n,) mean target at each score
    slope, intercept = _logistic(cosines, target, hits)
    return HitProbability(
        slope=slope,
        intercept=intercept,
        hits=positive + negative,
        relevant_share=positive / (positive + negative),
    )


def _hits_by_score(
    queries: Tensor, gallery: Tensor, relevant: Rows, k: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Each score among the hits, as a cosine, how many hits have it and how many are relevant."""
    # counted by score: a collapsed space ties every pair, and a list of them would fill the memory
    counts = torch.zeros(2, 2 * SCORE_STEPS + 1, dtype=torch.float64)  # from cosine -1 to 1
    for steps, marks in scored_blocks(queries, gallery, relevant):
        share = first_places(steps, k=k)
        taken = share > 0
        places = (steps[taken] + SCORE_STEPS).cpu()
        counts[0].index_add_(0, places, share[taken].cpu())
        counts[1].index_add_(0, places, (share * marks)[taken].cpu())
    seen = counts[0].nonzero().flatten()
    hits, found = counts[:, seen].numpy()
    return (seen - SCORE_STEPS).numpy() / SCORE_STEPS, hits, found


def _logistic(
    cosines: NDArray[np.float64], target: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, float]:
    """Slope of 0 or more and intercept of greatest likelihood; all are (n,)."""
    from sklearn.linear_model import LogisticRegression

    # centred and scaled for the solver; a score that never varies then has slope 0
    centre = np.average(cosines, weights=weight)
    scale = np.sqrt(np.average((cosines - centre) ** 2, weights=weight)) or 1.0
    column = ((cosines - centre) / scale)[:, np.newaxis]
    model = LogisticRegression(C=np.inf, tol=1e-9, max_iter=1000)
    model.fit(
        np.concatenate([column, column]),
        np.repeat([1, 0], len(cosines)),
        sample_weight=np.concatenate([weight * target, weight * (1 - target)]),
    )
    slope = float(model.coef_[0, 0]) / scale
    if slope <= 0:
        mean = np.average(target, weights=weight)
        return 0.0, float(np.log(mean / (1 - mean)))
    return float(slope), float(model.intercept_[0] - slope * centre)
