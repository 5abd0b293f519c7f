"""Says of every query whether what it finds first is right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

import torch
from spaner_core.data.matches import Labels, SamplePositives, one_a_sample
from spaner_core.evaluation.intervals import LEVEL, share_interval
from spaner_core.evaluation.pairs import Linked, ordered_pairs
from spaner_core.evaluation.ranking import relevant_ranks, scored_blocks
from torch import Tensor

Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class FirstHits:
    """Which answerable queries of a pair find something relevant first.

    `queries` (n,) are places of samples, `right` (n,) bool, `groups` the thing that each shows.
    """

    queries: Tensor
    right: Tensor
    groups: Sequence[str]

    @property
    def share(self) -> float | None:
        """The share of queries that are right: recall@1."""
        return fmean(self.right.double().tolist()) if len(self.right) else None

    def interval(self) -> tuple[float, float] | None:
        """Return the 95% interval of that share, over independent queries."""
        if not len(self.right):
            return None
        return share_interval(int(self.right.sum()), len(self.right))


@dataclass(frozen=True, kw_only=True)
class Gain:
    """A mean over pairs, or a difference of two, with its 95% interval."""

    mean: float
    low: float
    high: float


def first_hits(
    embeddings: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    things: Mapping[str, Sequence[str]],
    *,
    linked: Linked,
) -> dict[Pair, FirstHits]:
    """Rank every ordered pair that is `linked`, as `retrieval` ranks.

    `things` name what each row of a modality shows: queries of one thing are not independent.
    """
    samples = {name: one_a_sample(part, labels[name]) for name, part in embeddings.items()}
    shown = {name: [things[name][at] for at in labels[name].first_rows()] for name in embeddings}
    found = {}
    for source, target in ordered_pairs(embeddings, linked):
        relevant = SamplePositives(labels[source], labels[target])
        found[source, target] = _ranked(samples[source], samples[target], relevant, shown[source])
    return found


def _ranked(
    queries: Tensor, gallery: Tensor, relevant: SamplePositives, things: Sequence[str]
) -> FirstHits:
    places, right, start = [], [], 0
    for steps, marks in scored_blocks(queries, gallery, relevant):
        answerable = marks.any(dim=1)
        if answerable.any():
            right.append(relevant_ranks(steps[answerable], marks[answerable]).first == 1)
            places.append(answerable.nonzero().flatten() + start)
        start += len(marks)
    at = torch.cat(places) if places else torch.zeros(0, dtype=torch.int64)
    return FirstHits(
        queries=at,
        right=torch.cat(right) if right else torch.zeros(0, dtype=torch.bool),
        groups=[things[place] for place in at.tolist()],
    )


def mean_over_pairs(
    found: Mapping[Pair, FirstHits], others: Mapping[Pair, FirstHits] | None = None
) -> Gain | None:
    """Average recall@1 over pairs, or how much higher it is than `others`, with an interval.

    Formula, h the marks of queries (minus the others'), n_p queries of P pairs, clusters c the
    things that are shown: s_c = sum over its queries of (h - mean of their pair) / (P n_p), and
    the interval is mean ± 1.96 √(C / (C - 1) · Σ s_c²), C the clusters. Source: cluster-robust
    variance of a mean (Liang and Zeger, 1986). Where all are right, or wrong, it is that of
    Wilson's of so many things. None where there is nothing to compare.
    """
    marks = {
        pair: hits.right.double() - (0 if others is None else others[pair].right.double())
        for pair, hits in found.items()
        if len(hits.right) and (others is None or len(others[pair].right))
    }
    if not marks:
        return None
    sums: dict[str, float] = {}
    for pair, values in marks.items():
        centred = (values - values.mean()) / (len(marks) * len(values))
        for thing, value in zip(found[pair].groups, centred.tolist(), strict=True):
            sums[thing] = sums.get(thing, 0.0) + value
    mean, count = fmean(float(values.mean()) for values in marks.values()), len(sums)
    if count < 2:
        return Gain(mean=mean, low=-1.0 if others is not None else 0.0, high=1.0)
    if others is None and mean in (0.0, 1.0):
        low, high = share_interval(round(mean * count), count)
        return Gain(mean=mean, low=low, high=high)
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    half = z * math.sqrt(count / (count - 1) * sum(value * value for value in sums.values()))
    least = 0.0 if others is None else -1.0
    return Gain(mean=mean, low=max(least, mean - half), high=min(1.0, mean + half))
