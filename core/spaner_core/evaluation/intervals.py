"""Summarises figures over seeds: means, 95% intervals, paired differences."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEVEL = 0.95

Runs = Mapping[int, Mapping[str, float | None]]
"""Figures by name, as evaluators give them, of the run of each seed."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Mean of a figure over `runs` runs and its 95% Student t-interval, `low` to `high`.

    `mean` is None where no run has the figure, `low` and `high` where fewer than two have it: one
    run says nothing of how far the next may lie.
    """

    mean: float | None
    low: float | None
    high: float | None
    runs: int


def t_interval(values: Sequence[float | None]) -> Interval:
    """Mean of independent values and its interval; None among them is left out.

    Formula: mean ± t(0.975, n - 1) · s / √n, s the sample standard deviation (n - 1). Source:
    Student (1908), The Probable Error of a Mean. Raises `ValueError` on NaN or infinity.
    """
    known = [float(value) for value in values if value is not None]
    if not all(map(math.isfinite, known)):
        raise ValueError(
            f"got {known}; expected finite numbers; look for a run that diverged, and leave a "
            "figure that could not be measured None"
        )
    if not known:
        return Interval(mean=None, low=None, high=None, runs=0)
    mean = statistics.fmean(known)
    if len(known) == 1:
        return Interval(mean=mean, low=None, high=None, runs=1)
    half = _t_quantile(len(known) - 1) * statistics.stdev(known) / math.sqrt(len(known))
    return Interval(mean=mean, low=mean - half, high=mean + half, runs=len(known))


def intervals(runs: Runs) -> dict[str, Interval]:
    """Average every figure over the seeds of `runs`; a run without a figure counts as None.

    Figures stand in the order of their first appearance. Raises `ValueError` as `t_interval`.
    """
    return {
        name: t_interval([figures.get(name) for figures in runs.values()]) for name in _names(runs)
    }


def paired_differences(runs: Runs, others: Runs) -> dict[str, Interval]:
    """Average `runs` - `others` over seeds, for every figure that a run of both sides names.

    The difference is taken seed by seed, so that what a seed does to both sides drops out; a seed
    of which either side lacks the figure is left out of that figure. Formula and source as in
    `t_interval`. Raises `ValueError` where the sides do not have the same seeds, or as there.
    """
    if runs.keys() != others.keys():
        raise ValueError(
            f"got seeds {sorted(runs)} and {sorted(others)}; expected the same on both sides; "
            "run what is missing, or leave it out of both"
        )
    named = _names(others)
    return {
        name: t_interval(
            [_difference(runs[seed].get(name), others[seed].get(name)) for seed in runs]
        )
        for name in _names(runs)
        if name in named
    }


def share_interval(hits: int, count: int) -> tuple[float, float]:
    """Return the 95% interval of a share of which `hits` of `count` independent rows are known.

    Formula, p = hits / count, z = 1.96: (p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n); 0 to
    1 of nothing. Source: Wilson (1927), Probable Inference, the Law of Succession, and Statistical
    Inference. Raises `ValueError` where `hits` are not 0 to `count`.
    """
    if not 0 <= hits <= count:
        raise ValueError(f"got {hits} of {count} rows; expected 0 to {count}")
    if count == 0:
        return 0.0, 1.0
    z = statistics.NormalDist().inv_cdf((1 + LEVEL) / 2)
    share, more = hits / count, z * z / count
    half = z * math.sqrt(share * (1 - share) / count + more / (4 * count))
    low, high = ((share + more / 2 + side * half) / (1 + more) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)


def _difference(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def _names(runs: Runs) -> dict[str, None]:
    """Names of all figures, each once, in the order of their first appearance."""
    return dict.fromkeys(name for figures in runs.values() for name in figures)


def _t_quantile(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, freedom))
