"""Compares embeddings, and tells whether kept ones are still valid."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from spaner_core.errors import DataError, SpaceError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True)
class VectorKey:
    """Everything that decides an embedding besides the input.

    Fingerprints of the encoder, the input preparation, the aligner and the part of the prompt that
    the aligner reads, and the pull strength. Concepts that are appended to the prompt change none
    of them; an aligner that is replaced changes its modality's key and no other.
    """

    modality: str
    encoder: str
    transform: str
    aligner: str
    prompt: str
    strength: float

    def check(self, current: VectorKey) -> None:
        """Raise `SpaceError` naming what differs, unless `current` is the same key."""
        differing = [
            field.name
            for field in fields(self)
            if getattr(self, field.name) != getattr(current, field.name)
        ]
        if differing:
            raise SpaceError(
                f"these embeddings of {self.modality!r} are stale: they were made with another "
                f"{' and another '.join(differing)} than the space has now; embed the inputs again"
            )


def similarity(first: ArrayLike, second: ArrayLike) -> NDArray[np.float32]:
    """Return the cosine, -1 to 1, of every row of `first` (n, D) with every one of `second`.

    Rows (m, D) give (n, m); an array (D,) is one row, and its axis is left out of the answer.
    Rows need not be of unit length; a row of zeros has no direction, and cosine 0 with all.
    Raises `DataError` where arrays have other axes, or D differs.
    """
    a, b = np.asarray(first, dtype=np.float32), np.asarray(second, dtype=np.float32)
    if not {a.ndim, b.ndim} <= {1, 2} or a.shape[-1] != b.shape[-1]:
        raise DataError(
            f"similarity got arrays of shape {a.shape} and {b.shape}; expected (n, D) and "
            "(m, D), or (D,) for one row; give embeddings of one space"
        )
    cosines = _unit_rows(a) @ _unit_rows(b).T
    return np.asarray(np.clip(cosines, -1, 1), dtype=np.float32)


def _unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows (n, D) or (D,) with unit length, zeros as they are."""
    # in float64: squares of large float32 numbers overflow
    lengths = np.linalg.norm(rows.astype(np.float64), axis=-1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)
