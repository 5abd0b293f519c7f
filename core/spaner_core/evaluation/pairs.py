"""Says which pairs of modalities are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations, permutations

Linked = Callable[[str, str], bool]
"""Whether figures may say how the first modality meets the second."""


def every_pair(source: str, target: str) -> bool:
    """Let every pair be measured."""
    return True


def ordered_pairs(names: Iterable[str], linked: Linked) -> list[tuple[str, str]]:
    """Return the ordered pairs of different modalities that may be measured."""
    return [pair for pair in permutations(names, 2) if linked(*pair)]


def compared_pairs(names: Iterable[str], linked: Linked) -> list[tuple[str, str]]:
    """Return the pairs, sorted, that may be measured one way at least: for symmetric figures."""
    return [(a, b) for a, b in combinations(sorted(names), 2) if linked(a, b) or linked(b, a)]
