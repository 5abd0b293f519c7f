"""Reads the manifest, one row per sample, from a table file.

Columns: `modality` and `input` (a path relative to the manifest, or the input itself), `concept`
and/or `item`, optionally `id` and `split`; every further column is metadata. A sample with
several concepts has several rows; one of which nothing is known leaves both empty. Blanks around
a value are dropped, and a value of blanks only counts as empty. Names (`NAMES`) are composed, as
names are compared; inputs and metadata stay as they are written, and only they may hold line breaks
and other control characters. Rows are kept as Arrow columns, so that a million of them open in
seconds; this module imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike
from pyarrow import compute as pc

from spaner_core.data.columns import TEXT
from spaner_core.data.manifest_checks import KNOWN, LABELS, checked_columns
from spaner_core.data.tables import read_table

MADE_AT_ONCE = 1024
"""Rows of which objects are made together where all of them are gone through."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a manifest. Empty values are None, empty metadata are absent.

    `line` is where the row starts in a text file, counted from 1 with the header; in a Parquet
    file it is the row's number, from 1.
    """

    id: str
    modality: str
    input: str
    concept: str | None
    item: str | None
    split: str | None
    metadata: Mapping[str, str] = field(hash=False)
    line: int

    @property
    def labelled(self) -> bool:
        """Whether it has a concept or an item, and so may belong to another row."""
        return not (self.concept is None and self.item is None)


class Rows(Sequence[Row]):
    """Rows of a manifest, kept as columns; a `Row` is made for each that is asked for.

    `cells` has a column for each of `KNOWN` and for each kind of metadata, all (n,) text, null
    where a row has none; `lines` (n,) int64 are the rows' lines.
    """

    def __init__(self, cells: Mapping[str, pa.Array], lines: pa.Array) -> None:
        self.cells, self.lines = cells, lines

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> Rows: ...

    def __getitem__(self, place: int | slice) -> Row | Rows:
        if isinstance(place, slice):
            return self.take(range(len(self))[place])
        return next(self._made(range(len(self))[place], count=1))

    def __iter__(self) -> Iterator[Row]:
        for start in range(0, len(self), MADE_AT_ONCE):
            yield from self._made(start, count=MADE_AT_ONCE)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as of any other sequence that is no tuple

    def take(self, places: ArrayLike) -> Rows:
        """Return the rows at `places` (m,), in their order."""
        index = pa.array(np.asarray(places, dtype=np.int64))
        cells = {name: column.take(index) for name, column in self.cells.items()}
        return Rows(cells, self.lines.take(index))

    def having(self, column: str, values: Iterable[str | None]) -> Rows:
        """Return the rows with one of `values` in a column; None is an empty cell."""
        return self._where(pc.is_in(self.cells[column], pa.array(values, TEXT)))

    @property
    def labelled(self) -> Rows:
        """The rows that have a concept or an item, and so may belong to another row."""
        return self._where(pc.or_(*(pc.is_valid(self.cells[name]) for name in LABELS)))

    @property
    def samples(self) -> Rows:
        """The last row of each id, in the order in which ids first appear."""
        ids = self.cells["id"].dictionary_encode()
        if len(ids.dictionary) == len(self):
            return self
        last = np.zeros(len(ids.dictionary), np.int64)
        np.maximum.at(last, ids.indices.to_numpy(), np.arange(len(self)))
        return self.take(last)

    def distinct(self, column: str) -> tuple[str, ...]:
        """Return the values of a column, in order of first appearance; empty cells add none."""
        return tuple(self.cells[column].unique().drop_null().to_pylist())

    @property
    def splits(self) -> list[str]:
        """Names of the splits, sorted, "(empty)" for that of rows without one."""
        return sorted(split or "(empty)" for split in self.cells["split"].unique().to_pylist())

    @property
    def inputs(self) -> list[str]:
        """Each row's input."""
        inputs: list[str] = self.cells["input"].to_pylist()
        return inputs

    @property
    def concepts(self) -> tuple[str, ...]:
        """Concepts that occur, sorted."""
        return tuple(sorted(self.distinct("concept")))

    @property
    def items(self) -> tuple[str, ...]:
        """Items that occur, sorted."""
        return tuple(sorted(self.distinct("item")))

    def _where(self, mask: pa.Array) -> Rows:
        """Return the rows where `mask` (n,) is true."""
        if mask.true_count == len(self):
            return self
        cells = {name: column.filter(mask) for name, column in self.cells.items()}
        return Rows(cells, self.lines.filter(mask))

    def _made(self, start: int, *, count: int) -> Iterator[Row]:
        parts = ((name, column.slice(start, count)) for name, column in self.cells.items())
        cells = {name: part.to_pylist() for name, part in parts}
        known = [cells.pop(name) for name in KNOWN]
        for place, line in enumerate(self.lines.slice(start, count).to_pylist()):
            own = dict(zip(KNOWN, (column[place] for column in known), strict=True))
            metadata = {name: text for name, column in cells.items() if (text := column[place])}
            yield Row(**own, metadata=metadata, line=line)


@dataclass(frozen=True)
class Manifest:
    """A manifest's rows in the order of its file."""

    path: Path
    rows: Rows

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, in order of first appearance."""
        return self.rows.distinct("modality")

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order of first appearance; rows without one add none."""
        return self.rows.distinct("split")

    @cached_property
    def concepts(self) -> tuple[str, ...]:
        """Concepts that occur, sorted."""
        return self.rows.concepts

    @cached_property
    def items(self) -> tuple[str, ...]:
        """Items that occur, sorted."""
        return self.rows.items

    def select(self, modality: str | None = None, split: str | None = None) -> Rows:
        """Rows of a modality and a split, in file order; None chooses all."""
        rows = self.rows if modality is None else self.rows.having("modality", [modality])
        return rows if split is None else rows.having("split", [split])


def read_manifest(path: str | Path, *, unlabelled: bool = False) -> Manifest:
    """Read a manifest by its suffix: .csv, .jsonl or .ndjson, .parquet.

    An `unlabelled` one needs neither of the columns `concept` and `item`. Raises `DataError` with
    all problems of the file, a line each and the first ten in full.
    """
    path = Path(path)
    return Manifest(
        path=path, rows=Rows(*checked_columns(path, read_table(path), unlabelled=unlabelled))
    )


def source_of(given: str, folder: Path, *, inline: bool, suffixes: Iterable[str]) -> Path | str:
    """Say what a transform decodes for an input: a `Path` for a file, a `str` for itself.

    Files are looked for in `folder`, the manifest's. A modality that is not `inline` takes files
    only. An `inline` one takes the input as a file when it ends in one of `suffixes` and either
    stands in `folder` or is spelt as paths are, and else as itself. Whether the file can be read
    is not looked at here.
    """
    if not inline:
        return folder / given
    return inline_source(given, folder, suffixes=suffixes)


def inline_source(given: str, folder: Path, *, suffixes: Iterable[str]) -> Path | str:
    """Return the file in `folder` that `given` names, or `given` itself where it names none.

    What ends in a suffix and holds no blank, or holds a slash, was meant as a file: a missing one
    must not be read as a text that consists of its name.
    """
    if not given.lower().endswith(tuple(suffix.lower() for suffix in suffixes)):
        return given
    if "/" in given or not any(letter.isspace() for letter in given):
        return folder / given
    try:
        return folder / given if (folder / given).is_file() else given
    except (OSError, ValueError):  # too long for a file name, or with a NUL: a text like any other
        return given
