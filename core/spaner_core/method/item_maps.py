"""Maps rows to the places of their items, in closed form.

A pair shows one item in two modalities. Of n items, Z_m (n, P) are the centred means of what
modality m's aligner reads of each, rows of zeros where it does not show the item:

    S_m = Z_mᵀ Z_m + λ I            λ = ρ/(1 − ρ) · tr(Z_mᵀ Z_m)/P,  ρ the shrinkage
    F   = Σ_m Z_m S_m⁻¹ Z_mᵀ         what modalities foretell, (n, n)
    G   = V diag(e)                 V (n, D) and e (D,) the leading eigenvectors and values of F
    K_m = S_m⁻¹ Z_mᵀ G R            R (D, D) turns G to the items' trained directions

This is generalised canonical correlation with shrunk covariances (MAXVAR; Kettenring 1971,
Biometrika 58, 433). A modality that joins later takes the stored directions of its items for G R.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from spaner_core.method.statistics import ConceptSums

JOINT_SHRINKAGE, ATTACHED_SHRINKAGE = 0.8, 0.95
"""How much of each covariance is replaced by a multiple of the identity (measured)."""

LEAST_PENALTY = 1e-12
"""Keeps the inverse finite where items are all read alike, or there is but one: the map is zero."""


class ItemMap(nn.Module):
    """The map of unit features p̂ (B, P) to places of items (B, D); none until it is fitted."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.shape = width, dim
        self.register_buffer("weight", None)
        self.register_buffer("offset", None)
        self.weight: Tensor | None
        self.offset: Tensor | None

    def make_room(self) -> None:
        """Have a map of zeros, for one that was stored to be loaded."""
        self.fit(torch.zeros(self.shape), torch.zeros(self.shape[1]))

    def fit(self, weight: Tensor, offset: Tensor) -> None:
        """Take the map p̂ K + b: `weight` K (P, D) and `offset` b (D,)."""
        self.weight, self.offset = weight.float(), offset.float()

    def forward(self, unit: Tensor, direction: Tensor, *, gain: float) -> Tensor:
        """Move directions (B, D) by `gain` towards the places of unit features (B, P)."""
        if not gain or self.weight is None or self.offset is None:
            return direction
        places = functional.normalize(unit @ self.weight + self.offset, dim=-1)
        return functional.normalize(direction + gain * places, dim=-1)


@dataclass(frozen=True)
class ItemView:
    """What one modality shows of n items: centred means (n, P), float64, zeros where nothing.

    `centre` (P,) is what was taken off, `penalty` is λ, `inverse` (n, n) is (Z Zᵀ + λ I)⁻¹.
    """

    means: Tensor
    centre: Tensor
    penalty: Tensor
    inverse: Tensor

    @classmethod
    def of(cls, sums: ConceptSums, *, shrinkage: float) -> ItemView:
        """Average unit features, whose sums over the rows of each item are given."""
        shown = sums.support > 0
        means = sums.directions / sums.support.clamp_min(1).unsqueeze(1)
        centre = means[shown].mean(dim=0)
        means = torch.where(shown.unsqueeze(1), means - centre, 0.0)
        gram = means @ means.T
        penalty = shrinkage / (1 - shrinkage) * gram.trace() / means.shape[1]
        penalty = penalty.clamp_min(LEAST_PENALTY)
        inverse = torch.linalg.inv(gram + penalty * torch.eye(len(gram), dtype=gram.dtype))
        return cls(means, centre, penalty, inverse)

    def map_to(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map K (P, D) and b (D,) of unit features to places (n, D), by ridge."""
        weight = self.means.T @ (self.inverse @ places)
        return weight, -self.centre @ weight

    def foretold(self) -> Tensor:
        """Return Z S⁻¹ Zᵀ = I − λ (Z Zᵀ + λ I)⁻¹, (n, n): it takes places to those foretold."""
        shown = torch.eye(len(self.inverse), dtype=self.inverse.dtype)
        return shown - self.penalty * self.inverse


def shared_places(views: Sequence[ItemView], directions: Tensor) -> Tensor:
    """Return places (n, D) that views foretell, turned to trained directions (n, D) of the items.

    A dimension counts by how well the views foretell it together.
    """
    values, vectors = torch.linalg.eigh(sum(view.foretold() for view in views))
    width = min(directions.shape[1], len(values))
    places = vectors[:, -width:] * values[-width:].clamp_min(0)
    left, _, right = torch.linalg.svd(places.T @ directions.double(), full_matrices=False)
    turned: Tensor = places @ left @ right
    return turned
