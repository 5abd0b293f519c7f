"""Joins manifest rows that can be used with their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spaner_core.data.manifest import Rows
from spaner_core.features.rows import RowSource

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class UsableRows:
    """Manifest rows whose inputs can be used, and their features, row by row.

    `contents` are the keys of their inputs' contents, as the feature store knows them.
    """

    rows: Rows
    features: RowSource
    contents: Sequence[str]
    extracted: int

    def take(self, places: Tensor) -> UsableRows:
        """Return the rows at `places` (m,), in their order."""
        contents = [self.contents[place] for place in places.tolist()]
        return replace(
            self,
            rows=self.rows.take(places),
            features=self.features.take(places),
            contents=contents,
        )
