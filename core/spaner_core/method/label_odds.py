"""Says how probable it is that labels are wrong, from margins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

NORMAL_DEVIATION = 1.4826
"""Standard deviations of a normal distribution in its median absolute deviation, inverted."""

FIRST_SHARE, ROUNDS = 0.1, 50


@dataclass(frozen=True, kw_only=True)
class MarginOdds:
    """What margins of one modality say: log-odds that a label is right, slope · (margin − middle).

    A margin is the cosine of a row with its label's class mean, minus that with the nearest other.
    """

    slope: float
    middle: float

    def of(self, margins: Tensor) -> Tensor:
        """Return the log-odds (n,) that labels of the margins (n,) are right, both as likely."""
        return self.slope * (margins - self.middle)


def fit_odds(given: Tensor, changed: Tensor) -> MarginOdds | None:
    """Fit odds to margins (n,) of labels as given, and (m,) of labels changed on purpose.

    Two normal distributions of one variance; that of right labels by median and median absolute
    deviation of those given, so that a few wrong ones among them do not matter. Source: linear
    discriminant analysis (Fisher 1936). None where either has fewer than two, or where changed
    labels fit no worse: such a modality has nothing to say.
    """
    if min(len(given), len(changed)) < 2:
        return None
    right, wrong = given.median(), changed.mean()
    spread = NORMAL_DEVIATION * (given - right).abs().median()
    variance = float((spread**2 + changed.var()) / 2)
    apart = float(right - wrong)
    if apart <= 0 or variance <= 0:
        return None
    return MarginOdds(slope=apart / variance, middle=float(right + wrong) / 2)


def wrong_probabilities(log_odds: Tensor) -> Tensor:
    """Return for each label (n,) how probable it is that it is wrong.

    `log_odds` (n,) take both for equally likely. How many are wrong is estimated with them, by
    expectation maximisation: the share is the mean of the probabilities that follow from it, at
    least one label and at most half of them. Source: Saerens, Latinne and Decaestecker (2002),
    Adjusting the Outputs of a Classifier to New a Priori Probabilities.
    """
    share, found = FIRST_SHARE, torch.zeros_like(log_odds)
    for _ in range(ROUNDS if len(log_odds) else 0):
        found = torch.sigmoid(math.log(share / (1 - share)) - log_odds)
        share = min(max(float(found.mean()), 1 / (len(log_odds) + 1)), 0.5)
    return found
