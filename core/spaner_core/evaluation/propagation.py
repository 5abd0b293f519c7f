"""Gives rows the labels of their nearest labelled neighbours, with confidences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spaner_core.data.matches import NONE, Labels, SamplePositives
from spaner_core.evaluation.ranking import SCORE_STEPS, Rows, check_k, scored_blocks

TEMPERATURE = 0.07
"""How much nearer neighbours count for more: a cosine .07 higher is e times the vote."""

DECIMALS = 6
"""Of a confidence: what differs by less is noise of the summation."""

EVIDENCE = 3
"""How many of the nearest labelled rows are shown beside a label."""

BARRED = torch.iinfo(torch.int32).min
"""Stands for the score of a source that has no vote."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What Q targets were given: a concept, how sure that is, and who lies nearest.

    `concepts` (Q,) int64 are columns of the sources' marks, `confidences` (Q,) float64 lie in
    [0, 1], `evidence` (Q, 3) int64 are rows of the sources, the nearest first, -1 where there are
    no more. A target to which no source may give a label has -1, 0 and -1.
    """

    concepts: Tensor
    confidences: Tensor
    evidence: Tensor

    @property
    def nearest(self) -> Tensor:
        """The nearest source of each target, (Q,) int64."""
        return self.evidence[:, 0]

    def __len__(self) -> int:
        return len(self.concepts)

    def take(self, index: Tensor) -> Carried:
        """Return the targets at `index` (m,) int64 or (Q,) bool."""
        return Carried(
            concepts=self.concepts[index],
            confidences=self.confidences[index],
            evidence=self.evidence[index],
        )

    def without(self, targets: Tensor) -> Carried:
        """Give no label to `targets` (Q,) bool; their evidence stays."""
        return Carried(
            concepts=self.concepts.masked_fill(targets, NONE),
            confidences=self.confidences.masked_fill(targets, 0),
            evidence=self.evidence,
        )

    def kept(self, threshold: float) -> Tensor:
        """Which targets keep their concept where less than `threshold` abstains, (Q,) bool."""
        return (self.confidences >= threshold) & (self.concepts > NONE)

    def right(self, truth: Tensor) -> Tensor:
        """Which targets got one of their own concepts, given these as marks (Q, C); (Q,) bool."""
        own: Tensor = truth.gather(1, self.concepts.clamp_min(0).unsqueeze(1)).squeeze(1)
        return own & (self.concepts > NONE)


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
        evidence=torch.cat([part.evidence for part in parts]),
    )


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
        evidence=_evidence(steps).cpu(),
    )


def _evidence(steps: Tensor) -> Tensor:
    """Return the nearest sources of each target, the first of equals first, (b, EVIDENCE)."""
    width = steps.shape[1]
    keys = steps.long() * width - torch.arange(width, device=steps.device)
    nearest = keys.topk(min(EVIDENCE, width), dim=1).indices
    nearest = nearest.masked_fill(steps.gather(1, nearest) == BARRED, NONE)
    return torch.nn.functional.pad(nearest, (0, EVIDENCE - nearest.shape[1]), value=NONE)


def _none(count: int) -> Carried:
    """Say of `count` targets that nobody gives them a label."""
    none = torch.full((count,), NONE)
    return Carried(
        concepts=none,
        confidences=torch.zeros(count, dtype=torch.float64),
        evidence=torch.full((count, EVIDENCE), NONE),
    )
