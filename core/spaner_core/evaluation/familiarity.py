"""Tells how familiar inputs are by the nearest reference row."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spaner_core.evaluation.calibration import TooFewSamples
from spaner_core.evaluation.ranking import blocks

MOST_REFERENCES = 2000
"""Rows of a modality that new inputs are compared with, at most."""

ALIKE = 1e-6
"""Cosines that differ by less say nothing."""

Groups = tuple[Tensor, Tensor]
"""The groups of rows (n,) int64, and those of references (R,)."""


@dataclass(frozen=True, kw_only=True)
class Familiarity:
    """What inputs of one modality are compared with.

    `references` (R, P) float16 are what the modality's aligner reads of known rows, of unit length.
    `held_out` (n,) float32 says how near the nearest reference of n known rows lies that have no
    part in it, ascending. Raises `ValueError` for other shapes and for what is not finite.
    """

    references: Tensor
    held_out: Tensor

    def __post_init__(self) -> None:
        if self.references.ndim != 2 or self.held_out.ndim != 1:
            raise ValueError(
                f"got {tuple(self.references.shape)} and {tuple(self.held_out.shape)}; "
                "expected (R, P) and (n,)"
            )
        if not all(bool(part.isfinite().all()) for part in (self.references, self.held_out)):
            raise ValueError("got NaN or infinity; expected finite numbers; calibrate again")

    def nearness(self, rows: Tensor) -> Tensor:
        """Return the cosine of each of `rows` (m, P), of unit length, with its nearest reference.

        (m,) float32. Raises `ValueError` where P differs.
        """
        if rows.ndim != 2 or rows.shape[1] != self.references.shape[1]:
            raise ValueError(
                f"got rows of {tuple(rows.shape)} for references of "
                f"{tuple(self.references.shape)}; expected one width; calibrate again"
            )
        return _nearest(rows, self.references)

    def p_values(self, rows: Tensor) -> Tensor:
        """Return how probably a known input would be as unfamiliar as each of `rows`, (m,) float64.

        p = (1 + #{held-out rows that are as near or less near}) / (n + 1), above 0 and at most 1:
        of new inputs that are like the held-out rows, at most a share a has p <= a. Source: Vovk,
        Gammerman and Shafer (2005), Algorithmic Learning in a Random World, chapter 2. Held-out
        rows that tie count as less near, else many equal rows would all be strangers.
        """
        below = torch.searchsorted(self.held_out, self.nearness(rows), right=True)
        return (1 + below).double() / (len(self.held_out) + 1)


def fit_familiarity(
    references: Tensor, held_out: Tensor, *, rate: float, groups: Groups | None = None
) -> Familiarity:
    """Compare held-out rows (n, P) with references (R, P), both of unit length.

    With `groups`, each is compared with references of other groups: what a speaker, a writer or a
    machine contributes is as near to the others as a new one's will be. Rows that no reference is
    left for do not count. Raises `TooFewSamples` where a p-value of `rate` is impossible, where all
    rows are equally near, and where all rows are of one group.
    """
    kept = references.half()
    if not len(kept):
        raise TooFewSamples("there are no training rows to compare with; add some")
    near = _nearest(held_out, kept, groups=groups)
    counted = near[near.isfinite()]
    if len(near) and not len(counted):
        raise TooFewSamples(
            "all rows are of one group, so nothing shows how a new one differs; give rows of "
            "several groups"
        )
    return Familiarity(references=kept, held_out=_checked(counted, rate=rate))


def draw_references(count: int, *, most: int = MOST_REFERENCES) -> Tensor:
    """Draw at most `most` of `count` rows, the same ones each time, (m,) int64, ascending."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    return order[:most].sort().values


def _nearest(rows: Tensor, references: Tensor, *, groups: Groups | None = None) -> Tensor:
    """Cosine of each row with its nearest reference, of another group with `groups`, (m,)."""
    known, found = references.float(), []
    for block in blocks(len(rows), width=len(known)):
        cosines = rows[block].float() @ known.T
        if groups is not None:
            same = groups[0][block].unsqueeze(1) == groups[1]
            cosines = cosines.masked_fill(same, -torch.inf)
        found.append(cosines.amax(dim=1))
    return torch.cat(found) if found else torch.zeros(0)


def _checked(held_out: Tensor, *, rate: float) -> Tensor:
    needed = math.ceil(1 / rate - 1e-9) - 1
    if len(held_out) < needed:
        raise TooFewSamples(
            f"got {len(held_out)} rows to tell the least familiar {rate:g} by; expected at least "
            f"{needed}; give more validation rows"
        )
    ordered = held_out.sort().values
    if float(ordered[-1] - ordered[0]) < ALIKE:
        raise TooFewSamples(
            f"all {len(ordered)} rows are equally near what is known ({float(ordered[0]):.3f}), so "
            "no row is less familiar than another; give rows that differ"
        )
    return ordered
