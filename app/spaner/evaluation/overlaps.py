"""Finds rows that prove nothing, such as copies of training rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from spaner_core.data.manifest import Row, Rows
from spaner_core.features.inputs import find_copies

from spaner.project import Project
from spaner.splits import TRAIN_SPLIT

SHOWN = 40
"""Characters of an input that a note shows."""

ADVICE = "expect less of others; take them out, or give both the same split"


def trained_twins(project: Project, name: str, rows: Rows) -> dict[int, Row]:
    """Return places of rows with the id or the input of a row that is trained on, and which.

    Files of the same content are one input, whatever they are called.
    """
    return _twins(project, name, rows, project.manifest.select(name, TRAIN_SPLIT))


def trained_notices(project: Project, name: str, rows: Rows) -> Iterator[str]:
    """Say which of the rows that measure `name` show an input or an item that is trained on."""
    where = f"rows of {name!r}{_where(rows)}"
    if twins := trained_twins(project, name, rows):
        yield (
            f"{len(twins)} of {len(rows)} {where} repeat rows that are trained on, by id or "
            f"content ({_example(rows, twins)}): {ADVICE}"
        )
    trained = project.manifest.select(None, TRAIN_SPLIT)
    items = {row.item: row for row in reversed(trained) if row.item is not None}
    shared = {place: items[row.item] for place, row in enumerate(rows) if row.item in items}
    if shared:
        yield (
            f"{len(shared)} of {len(rows)} {where} show an item that is trained on "
            f"({_example(rows, shared)}): expect less of others; give all rows of an item one split"
        )


def untrained_rows(project: Project, name: str, rows: Rows) -> Rows:
    """Return the rows that have neither the id nor the input of a row that is trained on."""
    trained = trained_twins(project, name, rows)
    return rows.take([place for place in range(len(rows)) if place not in trained])


def measuring_notices(project: Project, names: Iterable[str], split: str | None) -> Iterator[str]:
    """Say which rows of a split its figures leave out, and which of them were trained on."""
    if not project.manifest.splits:
        yield "the manifest has no splits: these rows were trained on too"
    elif split == TRAIN_SPLIT:
        yield f"split {split!r} is what is trained on: expect less of other rows"
    where = f" in split {split!r}" if split else ""
    for name in names:
        rows = project.manifest.select(name, split)
        if not rows:
            yield f"{name!r} is left out: it has no rows{where}"
        if unlabelled := len(rows) - len(rows.labelled):
            yield (
                f"{unlabelled} of {len(rows)} rows of {name!r}{where} have neither concept nor "
                "item: nothing measures by them, and they are left out"
            )
        if split not in (None, TRAIN_SPLIT):
            yield from trained_notices(project, name, rows)
        yield from one_concept_notices(name, rows)


def one_concept_notices(name: str, rows: Sequence[Row]) -> Iterator[str]:
    """Say so where all rows that measure `name` show one concept: whatever is found is right."""
    concepts = {row.concept for row in rows if row.labelled}
    if len(concepts) == 1 and None not in concepts:
        yield (
            f"every labelled row of {name!r}{_where(rows)} shows {concepts.pop()!r}: whoever looks "
            "for that concept among them finds nothing wrong, so a recall of 1 proves nothing; add "
            "rows of others"
        )


def split_notices(project: Project, usable: Mapping[str, Rows]) -> Iterator[str]:
    """Say which inputs and items lie in several splits, and what shows one concept.

    `usable` are each modality's rows whose inputs can be used: of others, equal content, such as
    none, says nothing.
    """
    manifest = project.manifest
    # in pairs with the split that is trained on, that one comes first
    splits = sorted(manifest.splits, key=lambda split: split != TRAIN_SPLIT)
    for name, having in usable.items():
        rows = {split: having.having("split", [split]) for split in splits}
        for first, second in combinations(splits, 2):
            if twins := _twins(project, name, rows[second], rows[first]):
                yield (
                    f"{len(twins)} of {len(rows[second])} rows of {name!r} in split {second!r} "
                    f"repeat rows of split {first!r}, by id or content "
                    f"({_example(rows[second], twins)}): {ADVICE}"
                )
        for split in splits:
            if split != TRAIN_SPLIT:
                yield from one_concept_notices(name, rows[split])
    yield from _item_notices(manifest.rows.having("modality", usable))


def _item_notices(rows: Sequence[Row]) -> Iterator[str]:
    first: dict[str, int] = {}
    several: dict[str, tuple[int, Row]] = {}
    for place, row in enumerate(rows):
        if row.item is not None and row.split is not None:
            other = rows[first.setdefault(row.item, place)]
            if other.split != row.split:
                several.setdefault(row.item, (place, other))
    if several:
        yield (
            f"{len(several)} of {len(first)} items lie in several splits "
            f"({_example(rows, dict(several.values()))}): {ADVICE}"
        )


def _twins(project: Project, name: str, rows: Rows, others: Rows) -> dict[int, Row]:
    ids = {row.id: row for row in reversed(others)}
    copies = find_copies(project.sources(name, rows), project.sources(name, others))
    return {
        place: ids[row.id] if row.id in ids else others[copies[place]]
        for place, row in enumerate(rows)
        if row.id in ids or place in copies
    }


def _example(rows: Sequence[Row], others: dict[int, Row]) -> str:
    """Name the first of the rows that are like others, and the one that it is like."""
    place, other = next(iter(others.items()))
    row = rows[place]
    item = f"item {row.item}: " if row.item is not None and row.item == other.item else ""
    lines = (f"line {part.line}, {_short(part.input)}" for part in (row, other))
    return item + " as ".join(lines)


def _short(given: str) -> str:
    line = " ".join(given.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."


def _where(rows: Sequence[Row]) -> str:
    splits = {row.split for row in rows}
    return f" in split {splits.pop()!r}" if len(splits) == 1 and None not in splits else ""
