"""Mean and standard deviation of more rows than fit in memory."""

from __future__ import annotations

import torch
from torch import Tensor


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
