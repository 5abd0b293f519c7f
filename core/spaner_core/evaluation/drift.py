"""Tests whether new rows are like old ones, correcting for chance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

FEWEST = 8
"""Rows on either side, at least: of fewer, chance alone tells any two sets apart too often."""

MOST = 500
"""Rows on either side whose distances are compared, at most; of more, so many are drawn."""

SPARE = 4
"""How many times as many permutations are drawn as the strictest level needs."""

FEWEST_PERMUTATIONS = 999
AT_ONCE = 1000
"""Permutations that are counted together."""

ALIKE = 1e-6
"""Energies that differ by less, of the mean distance, are equal."""

QuestionT = TypeVar("QuestionT")


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How far new rows are from old ones, and how probably rows that are alike would be as far.

    `effect` is 0 where both are alike; what it measures, the test says.
    """

    effect: float
    p_value: float


def tail_shift(new: Tensor, old: Tensor, *, rate: float) -> Shift:
    """Ask whether more of `new` (n,) than of `old` (m,) lie below the least `rate` of `old`.

    With k = floor(rate · (m + 1)) and t the k-th least of `old`, `effect` is the share of `new`
    below t, less k / m. Where both are drawn alike, the number X of `new` below t has a negative
    hypergeometric distribution whatever the values are: p = P(X >= x), exact; ties only raise it.
    Source: precedence tests, Nelson (1963), Tables for a Precedence Life Test. Raises `ValueError`
    where k is 0.
    """
    from scipy.stats import nhypergeom

    place = math.floor(rate * (len(old) + 1) + 1e-9)
    if place < 1:
        raise ValueError(f"got {len(old)} old rows; expected at least {math.ceil(1 / rate) - 1}")
    below = int((new < old.sort().values[place - 1]).sum())
    p_value = nhypergeom.sf(below - 1, len(new) + len(old), len(new), place)
    return Shift(effect=below / len(new) - place / len(old), p_value=_p(p_value))


def score_shift(new: Tensor, old: Tensor) -> Shift:
    """Ask whether one number of each row, `new` (n,) and `old` (m,), is distributed otherwise.

    `effect` is the largest difference of the shares below any value, 0 to 1: the two-sample test of
    Kolmogorov and Smirnov; ties only raise p. Source: Smirnov (1939), Hodges (1958).
    """
    from scipy.stats import ks_2samp

    found = ks_2samp(new.numpy(), old.numpy())
    return Shift(effect=float(found.statistic), p_value=_p(found.pvalue))


def feature_shift(new: Tensor, old: Tensor, *, permutations: int, seed: int = 0) -> Shift:
    """Ask whether vectors `new` (n, P) and `old` (m, P) are distributed otherwise.

    With d the Euclidean distance, x and x' new, y and y' old,

        E = 2 mean d(x, y) - mean d(x, x') - mean d(y, y')      effect = E / (2 mean d(x, y))

    `effect` is 0 to 1. p = (1 + #{permutations with as large an E}) / (permutations + 1), where
    rows change sides at random; of more than 500 rows a side, so many are drawn. Source: Székely
    and Rizzo (2013), Energy Statistics. Rows must be exchangeable: a row is a draw by itself.
    Raises `ValueError` for other shapes, an empty side and no permutations.
    """
    if new.ndim != 2 or old.ndim != 2 or new.shape[1] != old.shape[1] or not len(new) * len(old):
        raise ValueError(f"got {tuple(new.shape)} and {tuple(old.shape)}; expected one width")
    if permutations < 1:
        raise ValueError(f"got {permutations} permutations; expected at least 1")
    random = torch.Generator().manual_seed(seed)
    new, old = (part[torch.randperm(len(part), generator=random)[:MOST]] for part in (new, old))
    rows = torch.cat([new, old]).double()
    distances = torch.cdist(rows, rows)
    between = float(distances[: len(new), len(new) :].mean())
    centred = _centred(distances).float()
    sides = torch.full((len(rows), 1), -1 / len(old))
    sides[: len(new)] = 1 / len(new)
    found = _energy(centred, sides)
    least = found - ALIKE * between
    as_far = 0
    for start in range(0, permutations, AT_ONCE):
        drawn = torch.rand(min(AT_ONCE, permutations - start), len(rows), generator=random).argsort(
            dim=1
        )
        as_far += int((_energy(centred, sides[drawn, 0].T) >= least).sum())
    effect = max(float(found) / (2 * between), 0.0) if between else 0.0
    return Shift(effect=effect, p_value=(1 + as_far) / (permutations + 1))


def fading(new: Tensor, old: Tensor) -> list[Shift]:
    """Ask of each kind whether its share of `new` rows is lower than its share of `old` ones.

    `new` (C,) and `old` (C,) int64 count rows by kind. `effect` is the share that is lost. p is
    that of Fisher's exact test, one-sided: the number among the new rows is hypergeometric. Source:
    Fisher (1935), The Logic of Inductive Inference.
    """
    from scipy.stats import hypergeom

    rows, earlier = int(new.sum()), int(old.sum())
    p_values = hypergeom.cdf(new.numpy(), rows + earlier, (new + old).numpy(), rows)
    return [
        Shift(effect=before / earlier - now / rows, p_value=_p(p_value))
        for now, before, p_value in zip(new.tolist(), old.tolist(), p_values, strict=True)
    ]


def adjusted(families: Mapping[QuestionT, Sequence[float]]) -> dict[QuestionT, list[float]]:
    """Correct p-values for their number: of rows that are alike, all stay above a rate that often.

    The chance that one falls to a or below is at most a, however the tests depend on one another.
    Every family with tests gets an equal part (Bonferroni), and within it Holm's step-down holds:
    with p_(1) <= ... <= p_(n) and F families, p_(i) becomes max over j <= i of F (n - j + 1) p_(j),
    at most 1. Source: Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure.
    """
    parts = sum(map(bool, families.values()))
    return {name: _holm(p_values, parts=parts) for name, p_values in families.items()}


def needed_permutations(rate: float, *, families: int, tests: int) -> int:
    """Return how many permutations tell a family of so many `tests` at `rate` from chance."""
    return max(FEWEST_PERMUTATIONS, math.ceil(SPARE * families * tests / rate))


def _centred(distances: Tensor) -> Tensor:
    """Take the means of rows and columns away: energies stay, and fit float32."""
    return distances - distances.mean(0) - distances.mean(1, keepdim=True) + distances.mean()


def _energy(distances: Tensor, sides: Tensor) -> Tensor:
    """Energy of divisions (N, B) whose entries are 1/n for new rows and -1/m for old, (B,)."""
    return -(sides * (distances @ sides)).sum(dim=0)


def _holm(p_values: Sequence[float], *, parts: int) -> list[float]:
    order = np.argsort(p_values, kind="stable")
    found = [0.0] * len(p_values)
    for place, value in zip(order.tolist(), _steps(p_values, order.tolist(), parts), strict=True):
        found[place] = value
    return found


def _steps(p_values: Sequence[float], order: Sequence[int], parts: int) -> Iterator[float]:
    highest = 0.0
    for step, place in enumerate(order):
        highest = max(highest, parts * (len(order) - step) * p_values[place])
        yield min(highest, 1.0)


def _p(value: float) -> float:
    """Return a probability without the noise of a sum."""
    return min(max(float(value), 0.0), 1.0)
