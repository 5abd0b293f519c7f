"""Measures carried labels on rows whose own label is held back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spaner_core.evaluation.calibration import TooFewSamples
from spaner_core.evaluation.intervals import share_interval
from spaner_core.evaluation.propagation import Carried

BINS = 10


@dataclass(frozen=True, kw_only=True)
class ConfidenceBin:
    """Targets whose confidence is `low` to below `high` (the last: to 1), and the share right."""

    low: float
    high: float
    rows: int
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class ExpectedAccuracy:
    """The share right of the `kept` labels of `rows` validation targets, with its 95% interval.

    `accuracy` is None where none was kept; the interval is then 0 to 1.
    """

    rows: int
    kept: int
    accuracy: float | None
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class HeldBack:
    """How good carried labels are, on targets whose own label was held back.

    Of `rows` targets `kept` got a label, which is the share `coverage`; `accuracy` is the share of
    those that is right. Shares of nothing are None. `bins` are all rows by confidence, in tenths.
    """

    rows: int
    kept: int
    coverage: float | None
    accuracy: float | None
    bins: tuple[ConfidenceBin, ...]


def measure_carried(found: Carried, truth: Tensor, *, threshold: float) -> HeldBack:
    """Compare carried labels with those that were held back, marks `truth` (Q, C) bool.

    Formulas: coverage = mean_q [kept], accuracy = mean over kept q of [its concept is among its
    own]; a bin's accuracy is the same over the rows in it, kept or not. Source: the project's
    definition, after selective classification (El-Yaniv and Wiener, 2010).
    """
    kept, right = found.kept(threshold), found.right(truth)
    tenth = (found.confidences * BINS).long().clamp_max(BINS - 1)
    bins = tuple(
        ConfidenceBin(
            low=number / BINS,
            high=(number + 1) / BINS,
            rows=int((tenth == number).sum()),
            accuracy=_share(right[tenth == number]),
        )
        for number in range(BINS)
    )
    return HeldBack(
        rows=len(found),
        kept=int(kept.sum()),
        coverage=_share(kept),
        accuracy=_share(right[kept]),
        bins=bins,
    )


def expect_accuracy(found: Carried, truth: Tensor, *, threshold: float) -> ExpectedAccuracy:
    """Say what share of kept labels is right on validation targets, marks `truth` (Q, C) bool.

    It holds for other targets as far as they are drawn as these were, each by itself: of a few
    speakers or writers the interval is too narrow. Formula and source as `share_interval`.
    """
    kept = found.kept(threshold)
    right = found.right(truth)[kept]
    low, high = share_interval(int(right.sum()), len(right))
    return ExpectedAccuracy(
        rows=len(found), kept=len(right), accuracy=_share(right), low=low, high=high
    )


def choose_threshold(found: Carried, truth: Tensor, *, accuracy: float) -> float:
    """Return the lowest threshold with which kept labels reach `accuracy` on validation targets.

    min { t : mean over targets with confidence >= t of [right] >= accuracy }, over the confidences
    t that at least 1 / (1 - accuracy) targets reach: fewer cannot tell the accuracy from 1. On new
    data the accuracy scatters: by chance about √(accuracy · (1 - accuracy) / n). Source: the
    project's definition, on validation rows as in `no_match`. Raises `TooFewSamples` where so few
    have a label, `ValueError` where `accuracy` is not between 0 and 1 or no threshold reaches it.
    """
    if not 0 < accuracy < 1:
        raise ValueError(
            f"got an accuracy of {accuracy}; expected more than 0 and less than 1; give 0.95"
        )
    found, truth = found.take(found.kept(0)), truth[found.kept(0)]
    fewest = math.ceil(1 / (1 - accuracy) - 1e-9)  # a hair less, since 1 / (1 - .9) is 10.000...02
    if len(found) < fewest:
        raise TooFewSamples(
            f"got {len(found)} rows to choose an accuracy of {accuracy:g} on; expected at least "
            f"{fewest}; give more validation rows, or a lower accuracy"
        )
    order = found.confidences.argsort(descending=True)
    confidences, right = found.confidences[order], found.right(truth)[order]
    counts = torch.arange(1, len(found) + 1)
    ends = torch.ones_like(right)  # equal confidences are kept or left out together
    ends[:-1] = confidences[:-1] > confidences[1:]
    possible = ends & (counts >= fewest)
    reached = right.cumsum(dim=0) / counts
    if not (possible & (reached >= accuracy)).any():
        raise ValueError(
            f"no threshold reaches an accuracy of {accuracy:g} on {len(found)} rows, the best "
            f"{float(reached[possible].max()):.3f}; expected one that does; ask for less"
        )
    return float(confidences[possible & (reached >= accuracy)][-1])


def _share(marks: Tensor) -> float | None:
    """Share of True among (n,), None of nothing."""
    return float(marks.double().mean()) if len(marks) else None
