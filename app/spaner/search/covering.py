"""Embeds an input whole, and anew with parts of it covered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from spaner_core.contract.modality import Alignment
from spaner_core.contract.sources import check_ordinary, describe_source
from spaner_core.contract.transform import Given, HasParts, Part, Sample, TakenSample, Transform
from spaner_core.errors import UnusableInput
from spaner_core.evaluation.part_falls import draw_covers, fit_falls
from spaner_core.space.records import Strength

from spaner.project import Project

AT_ONCE = 16
"""Copies of a sample that are in memory together."""


@dataclass(frozen=True, kw_only=True)
class CoveredInput:
    """An input as it is, `whole`, one row, and as it was embedded with parts of it covered.

    Row i of `embeddings` (n, D) is that of the copy whose `covers[i]` (parts,) are covered, NaN
    where that cannot be encoded. `labels` name the parts; where there are fewer than two, nothing
    was covered.
    """

    whole: Alignment
    labels: tuple[str, ...]
    covers: NDArray[np.bool_]
    embeddings: NDArray[np.float32]

    def falls(self, other: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return how much the cosine with an embedding (D,) falls for each part, (parts,)."""
        whole = self.whole.embedding[0].double().numpy() @ other
        return fit_falls(self.covers, whole - self.embeddings.astype(np.float64) @ other)


def embed_covered(
    project: Project, modality: str, given: Given, *, strength: Strength | None, most: int
) -> CoveredInput:
    """Embed an input, and at most `most` copies of it of which parts are covered.

    Where it has more parts, neighbours are covered together. Raises `UnusableInput` where it cannot
    be read, `DataError` where it cannot be encoded.
    """
    check_ordinary(given)
    transform, space = project.assembly.modality(modality).transform, project.space
    sample = given.sample if isinstance(given, TakenSample) else transform.decode(given)
    rows = space.extract(modality, TakenSample(sample, describe_source(given)))
    (whole,) = space.align(modality, rows, strength=strength)
    parts = transform.parts(sample) if isinstance(transform, HasParts) else ()
    groups = group_parts(parts, most=most)
    covers = draw_covers(len(groups), most=most)
    embeddings = np.full((len(covers), whole.embedding.shape[1]), np.nan, np.float32)
    for first in range(0, len(covers), AT_ONCE):
        copies = [
            _without(transform, sample, groups, covered)
            for covered in covers[first : first + AT_ONCE]
        ]
        found = space.encode(copies, modality=modality, strength=strength, errors="skip")
        embeddings[first + found.read] = found.embeddings
    labels = tuple(map(_label, groups))
    return CoveredInput(whole=whole, labels=labels, covers=covers, embeddings=embeddings)


def group_parts(parts: Sequence[Part], *, most: int) -> list[Sequence[Part]]:
    """Join neighbours, so that there are at most `most` groups of parts."""
    size = max(1, -(-len(parts) // most))
    return [parts[first : first + size] for first in range(0, len(parts), size)]


def _label(group: Sequence[Part]) -> str:
    return group[0].label if len(group) == 1 else f"{group[0].label} to {group[-1].label}"


def _without(
    transform: Transform, sample: Sample, groups: Sequence[Sequence[Part]], covered: Iterable[bool]
) -> TakenSample | None:
    """Cover groups of parts, the last ones first: places before a part stay where they are.

    None, which cannot be encoded, where a part cannot be covered.
    """
    assert isinstance(transform, HasParts), "it named the groups"
    try:
        for group, is_covered in reversed(list(zip(groups, covered, strict=True))):
            for part in reversed(group if is_covered else ()):
                sample = transform.without(sample, part)
    except UnusableInput:
        return None
    return TakenSample(sample, "a copy with covered parts")
