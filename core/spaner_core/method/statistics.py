"""Fits what an aligner knows of its training rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Moments:
    """Mean (P,) and deviation (P,) of rows that are added a batch at a time, in float64.

    Batches are merged by the formula of Chan, Golub and LeVeque (1979), which, unlike the
    difference of two sums, loses nothing where the mean is large beside the deviation.
    """

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean = torch.zeros(width, dtype=torch.float64)
        self._squares = torch.zeros(width, dtype=torch.float64)

    def add(self, rows: Tensor) -> None:
        """Add rows (B, P)."""
        if not len(rows):
            return
        added, rows = len(rows), rows.double()
        mean = rows.mean(dim=0)
        apart, total = mean - self.mean, self.count + added
        self._squares += ((rows - mean) ** 2).sum(dim=0) + apart**2 * self.count * added / total
        self.mean = self.mean + apart * added / total
        self.count = total

    @property
    def deviation(self) -> Tensor:
        """Standard deviation over all rows, (P,)."""
        return (self._squares / max(self.count, 1)).sqrt()


class ConceptSums:
    """Sums of unit features over the rows of each concept, added a batch at a time.

    `directions` (C, P) and `support` (C,), the number of rows, are float64: sums of many batches
    lose nothing.
    """

    def __init__(self, width: int, *, concept_count: int) -> None:
        self.directions = torch.zeros(concept_count, width, dtype=torch.float64)
        self.support = torch.zeros(concept_count, dtype=torch.float64)

    def add(self, unit: Tensor, concepts: Tensor, *, weights: Tensor | None = None) -> None:
        """Add unit features (B, P) of concepts (B,), -1 belongs to none, times `weights` (B,)."""
        labelled = concepts >= 0
        rows = unit[labelled].double()
        if weights is not None:
            rows *= weights[labelled].unsqueeze(-1)
        self.directions.index_add_(0, concepts[labelled], rows)
        self.support += torch.bincount(concepts[labelled], minlength=len(self.support))


class ConceptMeans(nn.Module):
    """Class means M (C, P) of unit features, and how sharply rows are compared with them.

    gamma = sharpness / (1 + K/4) with K labelled rows a concept: few rows make the means the best
    guide there is, many rows let the trained direction take over.
    """

    def __init__(self, width: int, *, sharpness: float) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.register_buffer("means", torch.zeros(0, width))
        self.register_buffer("support", torch.zeros(0))
        self.means: Tensor
        self.support: Tensor

    def fit(self, sums: ConceptSums) -> None:
        """Take the mean direction of each concept's rows from their sums."""
        self.means = functional.normalize(sums.directions, dim=-1).float()
        self.support = sums.support.float()

    def forward(self, unit: Tensor) -> Tensor:
        """Compare unit features (B, P) with the means: gamma·p Mᵀ, (B, C).

        A concept without rows in this modality gets the mean of the others, so that it is neither
        favoured nor ruled out.
        """
        known = self.support > 0
        if not known.any():
            return unit.new_zeros(unit.shape[0], self.support.shape[0])
        gamma = self.sharpness / (1 + self.support[known].mean() / 4)
        likeness = gamma * unit @ self.means.T
        average = likeness[:, known].mean(dim=-1, keepdim=True)
        return torch.where(known, likeness, average)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # the number of concepts is known only once labelled rows, or a stored state, have been seen
        means, support = (state_dict.get(prefix + name) for name in ("means", "support"))
        if means is not None and support is not None:
            width = self.means.shape[1]
            if means.shape == (support.numel(), width):  # any other is refused as it is
                self.means = torch.empty_like(means)
                self.support = self.support.new_empty(len(means))
        super()._load_from_state_dict(state_dict, prefix, *rest)
