"""Tells whether inputs are of a known kind."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spaner_core.data.matches import NONE
from spaner_core.evaluation.calibration import TooFewSamples
from spaner_core.evaluation.familiarity import Groups
from spaner_core.evaluation.ranking import blocks

RIVALS = 3
"""Concepts that the nearest one is compared with (chosen on validation rows: 1, 2, 3, 5, all)."""

FEWEST = RIVALS + 2
"""Concepts that are needed, so that one can be left out."""


@dataclass(frozen=True, kw_only=True)
class KnownKinds:
    """What an input's kind is judged by: reference rows of one modality with their concepts.

    `references` (R, P) are of unit length, `concepts` (R,) int64, -1 for none. A row stands out by

        m = s_1 - (s_2 + s_3 + s_4) / 3      s_1 >= s_2 >= ... the nearest reference of each concept

    `known` (n,) float32, ascending, are those m of known rows, and `strange` (n,) the same where
    the references of a row's own concept are left out: then it is of a concept never seen.
    Raises `ValueError` for other shapes and for what is not finite.
    """

    references: Tensor
    concepts: Tensor
    known: Tensor
    strange: Tensor

    def __post_init__(self) -> None:
        shapes = [part.shape for part in (self.concepts, self.known, self.strange)]
        if self.references.ndim != 2 or shapes[0] != self.references.shape[:1]:
            raise ValueError(f"got references of {tuple(self.references.shape)} and {shapes[0]}")
        if shapes[1] != shapes[2] or self.known.ndim != 1 or not len(self.known):
            raise ValueError(f"got known and strange rows of {shapes[1]} and {shapes[2]}")
        if not all(bool(part.isfinite().all()) for part in (self.known, self.strange)):
            raise ValueError("got NaN or infinity; expected finite numbers; calibrate again")

    def p_values(self, rows: Tensor, *, groups: Groups | None = None) -> Tensor:
        """Return how probably a row of an unknown kind would stand out as each of `rows`, (m,).

        p = (1 + #{strange rows that stand out as much or more}) / (n + 1): of rows of unknown kinds
        that are like the known ones, at most a share a has p <= a. `rows` (m, P) are of unit
        length; with `groups` they are compared with references of other groups. Source: as
        `Familiarity.p_values`.
        """
        near = _nearest_of_each(rows, self.references, self.concepts, groups=groups)
        below = torch.searchsorted(self.strange, _standing_out(near))
        return (1 + len(self.strange) - below).double() / (len(self.strange) + 1)


def fit_known_kinds(
    references: Tensor,
    concepts: Tensor,
    rows: Tensor,
    own: Tensor,
    *,
    groups: Groups | None = None,
) -> KnownKinds:
    """Compare known rows (n, P) of concepts `own` (n,) with references (R, P) of `concepts` (R,).

    Rows without a concept, or of one that no reference has, are left out. With `groups` of rows
    (n,) and references (R,), each row is compared with references of other groups. Raises
    `TooFewSamples` below 5 concepts, or where no row is left.
    """
    count = len(torch.unique(concepts[concepts > NONE]))
    if count < FEWEST:
        raise TooFewSamples(
            f"got references of {count} concepts, of which each is left out in turn; expected at "
            f"least {FEWEST}"
        )
    usable = (torch.isin(own, concepts) & (own > NONE)).nonzero().flatten()
    mine = groups and (groups[0][usable], groups[1])
    near = _nearest_of_each(rows[usable], references, concepts, groups=mine)
    named = torch.searchsorted(torch.unique(concepts[concepts > NONE]), own[usable])
    without = near.scatter(1, named.unsqueeze(1), -torch.inf)
    known, strange = _standing_out(near), _standing_out(without)
    fit = known.isfinite() & strange.isfinite()  # else other groups have too few concepts
    if not fit.any():
        raise TooFewSamples("got no row of a concept that other rows have, too")
    return KnownKinds(
        references=references,
        concepts=concepts,
        known=known[fit].sort().values,
        strange=strange[fit].sort().values,
    )


def _nearest_of_each(
    rows: Tensor,
    references: Tensor,
    concepts: Tensor,
    *,
    groups: Groups | None = None,
) -> Tensor:
    """Cosine of each row with the nearest reference of each concept that has any, (n, C)."""
    references, numbers = references.float(), torch.unique(concepts[concepts > NONE])
    found = rows.new_full((len(rows), len(numbers)), -torch.inf, dtype=torch.float32)
    for block in blocks(len(rows), width=len(references)):
        cosines = rows[block].float() @ references.T
        if groups is not None:
            same = groups[0][block].unsqueeze(1) == groups[1]
            cosines = cosines.masked_fill(same, -torch.inf)
        for place, number in enumerate(numbers.tolist()):
            found[block, place] = cosines[:, concepts == number].amax(dim=1)
    return found


def _standing_out(near: Tensor) -> Tensor:
    """By how much the nearest concept is nearer than the next three, (n, C) to (n,).

    -inf where fewer concepts than these have a reference.
    """
    first = near.topk(RIVALS + 1, dim=1).values
    found = first[:, 0] - first[:, 1:].mean(dim=1)
    return found.masked_fill(~found.isfinite(), -torch.inf)
