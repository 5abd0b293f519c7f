"""Gives rows the labels of their nearest labelled neighbours, and measures these.

Each comes with a confidence; labels below a threshold are left out, and rows whose own label is
held back show what accuracy a threshold reaches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spaner_core.data.matches import NONE, Labels, SamplePositives
from spaner_core.evaluation.calibration import TooFewSamples
from spaner_core.evaluation.ranking import SCORE_STEPS, Rows, check_k, scored_blocks

TEMPERATURE = 0.07
"""How much nearer neighbours count for more: a cosine .07 higher is e times the vote."""

BINS = 10
DECIMALS = 6
"""Of a confidence: what differs by less is noise of the summation."""

BARRED = torch.iinfo(torch.int32).min
"""Stands for the score of a source that has no vote."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What Q targets were given: a concept, how sure that is, and who lies nearest.

    `concepts` (Q,) int64 are columns of the sources' marks, `confidences` (Q,) float64 lie in
    [0, 1], `nearest` (Q,) int64 are rows of the sources. A target to which no source may give a
    label has -1, 0 and -1.
    """

    concepts: Tensor
    confidences: Tensor
    nearest: Tensor

    def __len__(self) -> int:
        return len(self.concepts)

    def take(self, index: Tensor) -> Carried:
        """Return the targets at `index` (m,) int64 or (Q,) bool."""
        return Carried(
            concepts=self.concepts[index],
            confidences=self.confidences[index],
            nearest=self.nearest[index],
        )

    def kept(self, threshold: float) -> Tensor:
        """Which targets keep their concept where less than `threshold` abstains, (Q,) bool."""
        return (self.confidences >= threshold) & (self.concepts > NONE)

    def right(self, truth: Tensor) -> Tensor:
        """Which targets got one of their own concepts, given these as marks (Q, C); (Q,) bool."""
        own: Tensor = truth.gather(1, self.concepts.clamp_min(0).unsqueeze(1)).squeeze(1)
        return own & (self.concepts > NONE)


@dataclass(frozen=True, kw_only=True)
class ConfidenceBin:
    """Targets whose confidence is `low` to below `high` (the last: to 1), and the share right."""

    low: float
    high: float
    rows: int
    accuracy: float | None


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


def carry_labels(
    targets: Tensor, sources: Tensor, marks: Tensor, *, left_out: Rows | None = None, k: int = 10
) -> Carried:
    """Give each target the concept whose k nearest labelled rows vote for it most.

    Shapes: `targets` (Q, D), `sources` (S, D), `marks` (S, C) bool, which concepts a source has,
    one at least; `left_out` (Q, S) bool, who has no vote for whom. With s_j the cosine of source j
    (to six decimals) and N_c the k nearest of the sources that have concept c and a vote:

        v_c = mean over j in N_c of exp(s_j / 0.07)              (0 where there are none)
        concept = argmax_c v_c              confidence = max_c v_c / sum_c v_c

    Source: the weighted k-nearest-neighbour classifier of Wu, Xiong, Yu and Lin (2018),
    Unsupervised Feature Learning via Non-Parametric Instance Discrimination, arXiv 1805.01978,
    with k neighbours of each concept instead of k in all. Where concepts lie in clusters the k
    nearest of all nearly always agree, right or wrong: that share of votes tells no error, and
    favours concepts with many rows. A confidence compares concepts with each other: a target whose
    own concept no source has may get a high one. Raises `ValueError` when shapes do not fit, an
    entry is not finite, k < 1, or a source has no concept.
    """
    check_k(k)
    if marks.ndim != 2 or len(marks) != len(sources) or not marks.any(dim=1).all():
        raise ValueError(
            f"got marks of {tuple(marks.shape)} for {len(sources)} sources; expected a concept or "
            "more for each; leave out those that have none"
        )
    if left_out is None:
        left_out = torch.zeros(1, 1, dtype=torch.bool).expand(len(targets), len(sources))
    members = [column.nonzero().flatten() for column in marks.T]
    parts = [_none(0)]
    for steps, barred in scored_blocks(targets, sources, left_out):
        voting = steps.masked_fill(barred, BARRED)
        parts.append(_vote(voting, members, k=k) if len(sources) else _none(len(steps)))
    return Carried(
        concepts=torch.cat([part.concepts for part in parts]),
        confidences=torch.cat([part.confidences for part in parts]),
        nearest=torch.cat([part.nearest for part in parts]),
    )


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


def concept_marks(labels: Labels, *, count: int) -> Tensor:
    """Say which samples of `labels` have which of `count` concepts, (samples, C) bool."""
    each = Labels(concepts=torch.arange(count), items=torch.full((count,), NONE))
    return SamplePositives(labels, each)[:]


def _vote(steps: Tensor, members: Sequence[Tensor], *, k: int) -> Carried:
    """Let sources vote for some targets: scores (b, S), and the sources of each concept."""
    votes = torch.zeros(len(steps), len(members), dtype=torch.float64, device=steps.device)
    for concept, rows in enumerate(members):
        nearest = steps[:, rows].topk(min(k, len(rows)), dim=1).values
        there = nearest > BARRED
        weights = (nearest.double() / (SCORE_STEPS * TEMPERATURE)).exp() * there
        votes[:, concept] = weights.sum(dim=1) / there.sum(dim=1).clamp_min(1)
    total = votes.sum(dim=1)
    none = total == 0
    share = votes.amax(dim=1) / total.masked_fill(none, 1)
    return Carried(
        concepts=votes.argmax(dim=1).masked_fill(none, NONE).cpu(),
        confidences=share.round(decimals=DECIMALS).cpu(),
        nearest=steps.argmax(dim=1).masked_fill(none, NONE).cpu(),
    )


def _none(count: int) -> Carried:
    """Say of `count` targets that nobody gives them a label."""
    none = torch.full((count,), NONE)
    return Carried(concepts=none, confidences=torch.zeros(count, dtype=torch.float64), nearest=none)


def _share(marks: Tensor) -> float | None:
    """Share of True among (n,), None of nothing."""
    return float(marks.double().mean()) if len(marks) else None
