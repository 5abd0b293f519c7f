"""The manifest: one row a sample, from CSV, JSON Lines or Parquet.

Columns: `modality` and `input` (a path relative to the manifest, or the input itself), `concept`
and/or `item`, optionally `id` and `split`; every further column is metadata. A sample with
several concepts has several rows; one of which nothing is known leaves both empty. Blanks around
a value are dropped, and a value of blanks only counts as empty. Names (`NAMES`) are composed, as
names are compared; inputs and metadata stay as they are written, and only they may hold line breaks
and other control characters. This module imports no torch.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from spaner_core.data.names import UNNAMEABLE, compose
from spaner_core.data.tables import read_table
from spaner_core.errors import DataError

REQUIRED = ("modality", "input")
LABELS = ("concept", "item")
NAMES = ("modality", *LABELS, "id", "split")
KNOWN = (*REQUIRED, *LABELS, "id", "split")
PROBLEMS_SHOWN = 10


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


@dataclass(frozen=True)
class Manifest:
    """A manifest's rows in the order of its file."""

    path: Path
    rows: tuple[Row, ...]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, in order of first appearance."""
        return tuple(dict.fromkeys(row.modality for row in self.rows))

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order of first appearance; rows without one add none."""
        return tuple(dict.fromkeys(row.split for row in self.rows if row.split is not None))

    @cached_property
    def concepts(self) -> tuple[str, ...]:
        """Concepts that occur, sorted."""
        return tuple(sorted({row.concept for row in self.rows if row.concept is not None}))

    @cached_property
    def items(self) -> tuple[str, ...]:
        """Items that occur, sorted."""
        return tuple(sorted({row.item for row in self.rows if row.item is not None}))

    def select(self, modality: str | None = None, split: str | None = None) -> tuple[Row, ...]:
        """Rows of a modality and a split, in file order; None chooses all."""
        return tuple(
            row
            for row in self.rows
            if modality in (None, row.modality) and split in (None, row.split)
        )


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest by its suffix: .csv, .jsonl or .ndjson, .parquet.

    Raises `DataError` with all problems of the file, a line each and the first ten in full.
    """
    path = Path(path)
    table = read_table(path)
    if wrong := list(_column_problems(table.columns)):
        _raise_problems(path, wrong + table.problems)
    rows = [row for record in table.records if (row := _row(record, table.problems)) is not None]
    _raise_problems(path, [*table.problems, *_id_problems(rows)])
    if not rows:
        raise DataError(f"{path}: got no rows; expected one row a sample; add them")
    return Manifest(path=path, rows=tuple(rows))


def source_of(
    row: Row, manifest_folder: str | Path, *, inline: bool, suffixes: Iterable[str]
) -> Path | str:
    """Say what a transform decodes for a row: a `Path` for a file, a `str` for the input itself.

    A modality that is not `inline` takes files only. An `inline` one takes the input as a file
    when it ends in one of `suffixes` and either stands beside the manifest or is spelt as paths
    are, and else as itself. Whether the file can be read is not looked at here.
    """
    if not inline:
        return Path(manifest_folder) / row.input
    return inline_source(row.input, Path(manifest_folder), suffixes=suffixes)


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


def _column_problems(columns: Sequence[str]) -> Iterator[tuple[int, str]]:
    if not columns:
        return  # nothing was read; that is another problem
    missing = [repr(name) for name in REQUIRED if name not in columns]
    if not set(LABELS) & set(columns):
        missing.append("'concept' or 'item'")
    if missing:
        given = ", ".join(repr(name) for name in columns)
        advice = "add or rename columns" if len(columns) > 1 else "separate columns with commas"
        yield 1, f"got the columns {given}; expected also {' and '.join(missing)}; {advice}"
    for name in dict.fromkeys(columns):
        if not name:
            yield 1, "got a column without a name; expected a name for each; name or remove it"
        elif columns.count(name) > 1:
            yield 1, f"got the column {name!r} twice; expected different names; rename one"


def _row(record: tuple[int, Mapping[str, object]], problems: list[tuple[int, str]]) -> Row | None:
    line, given = record
    cells: dict[str, str] = {}
    found: list[str] = []
    for name, value in given.items():
        try:
            cells[name] = _text(value)
        except ValueError as error:
            found.append(f"{name}: {error}; expected a text or a number; write one value a cell")
    if not found:
        cells = {name: text for name, text in cells.items() if text}
        missing = [name for name in REQUIRED if name not in cells]
        found += [f"{name} is empty; expected a value; fill it in" for name in missing]
        found += [
            f"{name}: got {cells[name]!r}; expected no line break or other control character; "
            "remove it"
            for name in NAMES
            if UNNAMEABLE.search(cells.get(name, ""))
        ]
    problems += [(line, message) for message in found]
    if found:
        return None
    cells |= {name: compose(cells[name]) for name in NAMES if name in cells}
    digest = hashlib.sha256(cells["input"].encode()).hexdigest()[:12]
    return Row(
        id=cells.get("id", f"{cells['modality']}-{digest}"),
        modality=cells["modality"],
        input=cells["input"],
        concept=cells.get("concept"),
        item=cells.get("item"),
        split=cells.get("split"),
        metadata={name: text for name, text in cells.items() if name not in KNOWN},
        line=line,
    )


def _text(value: object) -> str:
    """Return a cell as text without surrounding blanks; raise `ValueError` if it is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""  # data frames write NaN for "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict, bytes)):
        raise ValueError(f"got a {type(value).__name__}")
    text = str(value).strip()
    text.encode()  # half of a surrogate pair, which JSON can write, is no character
    return text


def _id_problems(rows: Iterable[Row]) -> Iterator[tuple[int, str]]:
    first: dict[str, Row] = {}
    for row in rows:
        other = first.setdefault(row.id, row)
        if (other.modality, other.input) != (row.modality, row.input):
            given = f"got the id {row.id!r} for another input than in line {other.line}"
            advice = "rename one, or use `item` for one thing seen in several modalities"
            yield row.line, f"{given}; expected one input an id; {advice}"


def _raise_problems(path: Path, problems: Sequence[tuple[int, str]]) -> None:
    ordered = sorted(problems, key=lambda problem: problem[0])
    lines = [f"{path}:{line}: {message}" for line, message in ordered]
    if len(lines) > PROBLEMS_SHOWN:
        lines[PROBLEMS_SHOWN:] = [f"{path}: and {len(lines) - PROBLEMS_SHOWN} more problems"]
    if lines:
        raise DataError("\n".join(lines))
