"""Says how strong a severity of a corruption is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

StrengthT = TypeVar("StrengthT")


def strength_of(severity: int, strengths: Sequence[StrengthT]) -> StrengthT:
    """Return the strength of `severity`, which counts from 1 (slight).

    Raises `ValueError` where `strengths` have none for it.
    """
    if severity not in range(1, len(strengths) + 1):
        raise ValueError(
            f"severity is {severity}; expected 1 (slight) to {len(strengths)}; give one of them"
        )
    return strengths[severity - 1]
