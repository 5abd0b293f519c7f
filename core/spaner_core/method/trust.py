"""Weighs labels by how near their rows lie to class means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from spaner_core.method.statistics import ConceptSums

ROUNDS = 3
FEWEST = 4
"""Labelled rows of a concept from which its labels are weighed: fewer say too little."""

SOFTNESS = 0.1
"""How much nearer to another concept, as a cosine, divides the odds of a label by e."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How near n rows lie to class means, as cosines.

    `own` (n,) is that with the mean of the concept asked about, `nearest` (n,) int64 the nearest
    other concept, -1 where there is none, and `other` (n,) the cosine with that one's mean.
    """

    own: Tensor
    nearest: Tensor
    other: Tensor

    @property
    def margins(self) -> Tensor:
        """How much nearer a row lies to its own concept than to any other, (n,)."""
        return self.own - self.other

    @property
    def weights(self) -> Tensor:
        """sigmoid(margins / 0.1), (n,) float32; 1 where there is no other concept."""
        odds = (self.margins / SOFTNESS).sigmoid().float()
        return torch.where(self.nearest < 0, 1.0, odds)

    def take(self, index: Tensor) -> Comparison:
        """Return that of the rows at `index` (m,), in its order."""
        return Comparison(own=self.own[index], nearest=self.nearest[index], other=self.other[index])


@dataclass(frozen=True, kw_only=True)
class LabelTrust:
    """Weights (n,) of n rows' labels, and the class means' sums that go with them.

    `judged` (n,) bool says whose label was weighed, by what was `found`; the others' weight is 1.
    """

    weights: Tensor
    judged: Tensor
    found: Comparison
    sums: ConceptSums


def weigh_labels(
    units: Iterable[Tensor],
    concepts: Tensor,
    *,
    concept_count: int,
    samples: Tensor | None = None,
    certain: Tensor | None = None,
) -> LabelTrust:
    """Weigh the labels of n rows of one modality, in three rounds.

    With unit features p_i (P,), concepts y_i, and all weights w_i = 1 at first:

        mu_c = normalize(sum of w_i p_i over the rows of c)
        w_i  = sigmoid((p_i·mu_{y_i} without row i − max over c ≠ y_i of p_i·mu_c) / 0.1)

    Source: the project's own; docs/method.md says what it gains.

    `units` are batches (B, P) of all n rows, gone through twice a round and once more. `concepts`
    is (n,) int64, -1 for none. Rows with the same number in `samples` (n,) are one sample of
    several concepts, none of which speaks against another. Labels that are `certain` (n,) bool,
    such as names of concepts, keep their weight of 1, and so do rows of a concept that has fewer
    than 4, and rows that there is nothing to compare with.
    """
    labelled = concepts >= 0
    count = torch.bincount(concepts[labelled], minlength=concept_count)
    judged = labelled.clone()
    judged[labelled] = count[concepts[labelled]] >= FEWEST
    if certain is not None:
        judged &= ~certain
    beside = concepts_of_samples(concepts, samples, concept_count=concept_count)
    weights = torch.ones(len(concepts))
    nothing = torch.zeros(len(concepts), dtype=torch.float64)
    found = Comparison(own=nothing, nearest=torch.full_like(concepts, -1), other=nothing)
    for _ in range(ROUNDS if judged.any() else 0):
        sums = sum_weighted(units, concepts, weights, concept_count=concept_count)
        found = compare(units, concepts, weights, sums, asked=concepts, beside=beside)
        weights = torch.where(judged, found.weights, 1.0)
    sums = sum_weighted(units, concepts, weights, concept_count=concept_count)
    return LabelTrust(weights=weights, judged=judged, found=found, sums=sums)


def sum_weighted(
    units: Iterable[Tensor], concepts: Tensor, weights: Tensor, *, concept_count: int
) -> ConceptSums:
    """Sum unit features, batches (B, P) of n rows, by concept (n,), times their weights (n,)."""
    sums, start = ConceptSums(0, concept_count=concept_count), 0
    for unit in units:
        if not start:
            sums = ConceptSums(unit.shape[1], concept_count=concept_count)
        part = slice(start, start + len(unit))
        sums.add(unit, concepts[part], weights=weights[part])
        start += len(unit)
    return sums


def compare(
    units: Iterable[Tensor],
    concepts: Tensor,
    weights: Tensor,
    sums: ConceptSums,
    *,
    asked: Tensor,
    beside: Tensor | None = None,
) -> Comparison:
    """Compare n rows with the mean of the concept `asked` (n,) about, and with all others.

    A row that is in the sums, with its `weights` (n,), as one of its own of `concepts` (n,), is
    taken out of that mean. Concepts marked in `beside` (n, C) bool are no others. `units` are
    batches (B, P) of the rows.
    """
    means, known = functional.normalize(sums.directions, dim=-1), sums.support > 0
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    start = 0
    for unit in units:
        part = slice(start, start + len(unit))
        start += len(unit)
        unit, likeness = unit.double(), unit.double() @ means.T  # (B, P), (B, C)
        row = torch.nonzero(concepts[part] >= 0).flatten()
        concept, weight = concepts[part][row], weights[part][row].unsqueeze(-1)
        without = functional.normalize(sums.directions[concept] - weight * unit[row], dim=-1)
        likeness[row, concept] = (unit[row] * without).sum(dim=-1)
        about = asked[part].clamp_min(0).unsqueeze(-1)
        barred = (~known).expand_as(likeness).scatter(1, about, True)
        if beside is not None:
            barred = barred | beside[part]
        other, nearest = likeness.masked_fill(barred, -torch.inf).max(dim=-1)
        nearest = torch.where(other.isfinite(), nearest, -1)
        parts.append((likeness.gather(1, about).squeeze(-1), nearest, other))
    own, nearest, other = (torch.cat(part) for part in zip(*parts, strict=True))
    return Comparison(own=own, nearest=nearest, other=other)


def concepts_of_samples(
    concepts: Tensor, samples: Tensor | None, *, concept_count: int
) -> Tensor | None:
    """Say for each row which concepts its sample has, (n, C) bool; None where each has one row."""
    if samples is None:
        return None
    distinct, groups = torch.unique(samples, return_inverse=True)
    if len(distinct) == len(samples):
        return None
    having = torch.zeros(len(distinct), concept_count, dtype=torch.bool)
    labelled = concepts >= 0
    having[groups[labelled], concepts[labelled]] = True
    return having[groups]
