"""Lets unlabelled rows help class means, by soft assignment."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

from spaner_core.method.statistics import ConceptSums

ROUNDS = 5
SHARPNESS = 20.0
SHARE = 0.3
"""What an unlabelled row counts beside a labelled one."""


def add_unlabelled(sums: ConceptSums, units: Iterable[Tensor], concepts: Tensor) -> ConceptSums:
    """Add rows without a concept to sums of those that have one, in five rounds.

    With unit features p_u (P,) of the rows without a concept and S_c (P,) the given sums:

        q_u  = softmax over c of (20 · p_u·mu_c)           mu_c = normalize(S_c) at first
        mu_c = normalize(S_c + 0.3 · sum over u of q_uc p_u)

    over the concepts that have a labelled row; the others get nothing. Source: the project's own,
    soft k-means (MacKay 2003, chapter 22) with labelled rows held fast. `units` are batches (B, P)
    of n rows, gone through once a round; `concepts` is (n,) int64, -1 for none. Support stays the
    number of labelled rows.
    """
    known, found = sums.support > 0, sums
    if not known.any():
        return sums
    for _ in range(ROUNDS):
        means, start = functional.normalize(found.directions, dim=-1), 0
        gathered = torch.zeros_like(sums.directions)
        for unit in units:
            rows = unit[concepts[start : start + len(unit)] < 0].double()
            start += len(unit)
            likeness = (SHARPNESS * rows @ means.T).masked_fill(~known, -torch.inf)
            gathered += likeness.softmax(dim=-1).T @ rows
        found = ConceptSums(sums.directions.shape[1], concept_count=len(known))
        found.directions, found.support = sums.directions + SHARE * gathered, sums.support
    return found
