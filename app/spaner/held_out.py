"""The rows that measure a space: those of a split that say what they show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from spaner_core.data.manifest import Row
from spaner_core.errors import DataError

from spaner.choosing import TEST_SPLIT, TRAIN_SPLIT
from spaner.overlaps import one_concept_notices, trained_notices, trained_twins
from spaner.project import Project


def measured_split(project: Project, split: str | None) -> str | None:
    """Return the split that is asked for: test where none is, None where the manifest has none."""
    return TEST_SPLIT if split is None and project.manifest.splits else split


def measured_rows(project: Project, name: str, split: str | None) -> tuple[Row, ...]:
    """Return a modality's rows of a split that have a concept or an item; there may be none.

    Of the others nobody knows what they belong to: to count them as wrong would be wrong.
    """
    return tuple(row for row in project.manifest.select(name, split) if row.labelled)


def measuring_notices(project: Project, names: Iterable[str], split: str | None) -> tuple[str, ...]:
    """Say which rows of a split its figures leave out, and which of them were trained on."""
    return tuple(_notices(project, tuple(names), split))


def check_held_out(project: Project, split: str) -> None:
    """Raise `DataError` where the manifest has no splits, or `split` is the one trained on."""
    manifest = project.manifest
    if not manifest.splits:
        raise DataError(
            f"{manifest.path}: no row has a split, so none is held out to measure split {split!r}; "
            "add a column `split` with train, validation and test"
        )
    if split == TRAIN_SPLIT:
        raise DataError(
            f"split {split!r} is what is trained on, so its figures would be too good; name "
            f"another of {manifest.path}'s splits: {', '.join(manifest.splits)}"
        )


def _notices(project: Project, names: tuple[str, ...], split: str | None) -> Iterator[str]:
    if not project.manifest.splits:
        yield "the manifest has no splits: these rows were trained on too"
    elif split == TRAIN_SPLIT:
        yield f"split {split!r} is what is trained on: expect less of other rows"
    where = f" in split {split!r}" if split else ""
    for name in names:
        rows = project.manifest.select(name, split)
        if not rows:
            yield f"{name!r} is left out: it has no rows{where}"
        if unlabelled := sum(not row.labelled for row in rows):
            yield (
                f"{unlabelled} of {len(rows)} rows of {name!r}{where} have neither concept nor "
                "item: nothing measures by them, and they are left out"
            )
        if split not in (None, TRAIN_SPLIT):
            yield from trained_notices(project, name, rows)
        yield from one_concept_notices(name, rows)


def untrained_rows(project: Project, name: str, rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the rows that have neither the id nor the input of a row that is trained on."""
    trained = trained_twins(project, name, rows)
    return tuple(row for place, row in enumerate(rows) if place not in trained)
