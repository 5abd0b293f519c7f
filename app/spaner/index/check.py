"""Compares what an index finds with searches that read none."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from spaner_core.data.manifest import Rows
from spaner_core.errors import SpaceError
from spaner_core.evaluation.ranking import SCORE_STEPS, cosine_steps

from spaner.arguments import check_count
from spaner.index.files import ModalityIndex
from spaner.index.records import checked
from spaner.index.scan import Nearest, find_nearest
from spaner.index.usable_index import index_folder, usable_index
from spaner.policy.links import check_served, is_served
from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.splits import split_rows
from spaner.usable_modalities import usable_modalities

COMPARED = 10
"""Hits of each query that are compared."""
ROUNDED = 2
"""Millionths of a cosine by which sums in another order may differ."""


@dataclass(frozen=True, kw_only=True)
class CheckedRows:
    """What checking the index of a modality has found: nothing, or what differs.

    So many `queries` were asked at each of the pull `strengths`.
    """

    modality: str
    rows: int
    queries: int
    strengths: tuple[float, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, repr=False)
class CheckReport(Report):
    """What checking found in each modality; the index is in `folder`."""

    rows_in = "modalities"

    folder: Path
    modalities: tuple[CheckedRows, ...]

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        names = [one.modality for one in self.modalities]
        return Audited({"queries": sum(one.queries for one in self.modalities)}, names)

    @property
    def differences(self) -> tuple[str, ...]:
        """What differs, of all modalities."""
        return tuple(said for one in self.modalities for said in one.differences)


def check_index(project: Project, names: Sequence[str] = (), *, queries: int) -> CheckReport:
    """Check the index of the named modalities, by default of all that have one.

    Files are compared with their SHA-256, rows with the manifest's, and hits of so many `queries`,
    rows that are drawn, with those of a search that embeds every row. Nothing is written but
    features that were not stored. Raises `SpaceError` where there is no index, and `ConfigError`
    for one of `names` that `policy.links` lets nothing find.
    """
    check_count("queries", queries)
    for name in names:
        check_served(project.config, name)
    folder = index_folder(project.config.space)
    found = [
        checked_rows
        for name in usable_modalities(project, names)
        if is_served(project.config, name)
        and (checked_rows := _check(project, name, queries=queries)) is not None
    ]
    if missing := set(names) - {one.modality for one in found}:
        raise _no_index(folder, min(missing))
    if not found:
        raise _no_index(folder, "")
    return CheckReport(folder=folder, modalities=tuple(found))


def _no_index(folder: Path, name: str) -> SpaceError:
    return SpaceError(
        f"{folder} has no index{f' of {name!r}' if name else ''} to check; "
        f"`{f'spaner index {name}'.strip()}` makes it"
    )


def _check(project: Project, name: str, *, queries: int) -> CheckedRows | None:
    """Check one modality; None where it has no index."""
    strengths = tuple(sorted({0.0, project.space.strengths.pull(None), 1.0}))
    try:
        index = usable_index(project, name)
        if index is None:
            return None
        for part in (index.record.table, *index.record.shards):
            checked(index_folder(project.config.space) / name, part, whole=True)
    except SpaceError as error:
        return CheckedRows(
            modality=name, rows=0, queries=0, strengths=(), differences=(str(error),)
        )
    drawn, differences = _compare(project, name, index, queries=queries, strengths=strengths)
    return CheckedRows(
        modality=name,
        rows=len(index.rows),
        queries=drawn,
        strengths=strengths,
        differences=tuple(differences),
    )


def _compare(
    project: Project, name: str, index: ModalityIndex, *, queries: int, strengths: Sequence[float]
) -> tuple[int, list[str]]:
    """Return how many queries were asked, and what differs."""
    project.check_modality(name)
    usable = project.features(name, split_rows(project.manifest, name).samples)
    if differing := _count_differing(index, usable.rows, usable.contents):
        return 0, [
            f"{name!r}: {differing:,} rows of the index or of the manifest are not in the other, "
            f"or hold something else; `spaner index {name}` brings the index up to date"
        ]
    count = min(queries, len(usable.rows))
    places = random.Random(0).sample(range(len(usable.rows)), count)
    differences: list[str] = []
    for strength in strengths:
        gallery = project.space.embed(name, usable.features, strength=strength)
        for query in places:  # one by one: scores of all rows are kept for each
            wanted = gallery[[query]]
            (nearest,) = find_nearest(
                index, torch.from_numpy(wanted), strength=strength, k=COMPARED
            )
            steps = cosine_steps(wanted, gallery)[0]
            asked = f"{name!r} row {index.rows[query].id}, strength {strength:g}"
            differences += (f"{asked}: {said}" for said in _differing(nearest, steps, index.rows))
    return count, differences


def _count_differing(index: ModalityIndex, rows: Rows, contents: Sequence[str]) -> int:
    """Count rows of an index and of the manifest that differ in id, content or order."""
    old = zip(index.rows.cells["id"].to_pylist(), index.contents.to_pylist(), strict=True)
    new = zip(rows.cells["id"].to_pylist(), contents, strict=True)
    if (before := list(old)) == (after := list(new)):
        return 0
    return max(1, len(set(before) ^ set(after)))


def _differing(nearest: Nearest, steps: NDArray[np.int32], rows: Rows) -> Iterator[str]:
    """Say where hits are others than the best of `steps` (n,), or have another score."""
    best = np.argsort(-steps, kind="stable")[: len(nearest.places)]
    pairs = zip(nearest.places.tolist(), nearest.steps.tolist(), best.tolist(), strict=True)
    for rank, (place, score, expected) in enumerate(pairs, start=1):
        if abs(int(steps[place]) - int(steps[expected])) > ROUNDED:
            yield f"hit {rank} is {rows[place].id}, not {rows[expected].id}"
        elif abs(score - int(steps[place])) > ROUNDED:
            known = int(steps[place]) / SCORE_STEPS
            yield f"hit {rank}, {rows[place].id}, scores {score / SCORE_STEPS:.6f}, not {known:.6f}"
