"""Checks a manifest's columns and names, and reports problems by line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute as pc

from spaner_core.data.columns import TEXT, Problem, Table
from spaner_core.data.names import UNNAMEABLE, compose
from spaner_core.errors import DataError

REQUIRED = ("modality", "input")
LABELS = ("concept", "item")
NAMES = ("modality", *LABELS, "id", "split")
KNOWN = (*REQUIRED, *LABELS, "id", "split")
PROBLEMS_SHOWN = 10

_UNUSUAL = "[^ -~]"
"""What only unusual names hold: those are looked at one by one."""

Columns = dict[str, pa.Array]


def checked_columns(
    path: Path, table: Table, *, unlabelled: bool = False
) -> tuple[Columns, pa.Array]:
    """Return a manifest's cells by column, `KNOWN` ones first, and each row's line.

    Names are composed, and a row without an id has one from its modality and input. An `unlabelled`
    manifest needs no column of labels. Raises `DataError` with all problems of the file, a line
    each and the first ten in full.
    """
    if wrong := list(_column_problems(table.names, unlabelled=unlabelled)):
        _raise_problems(path, wrong + table.problems)
    names = dict.fromkeys((*KNOWN, *table.names))
    cells, lines = {name: table.column(name) for name in names}, table.lines
    wrong = list(_cell_problems(cells, lines))
    if wrong:
        good = pc.invert(pc.is_in(lines, pa.array([line for line, _ in wrong], pa.int64())))
        cells = {name: column.filter(good) for name, column in cells.items()}
        lines = lines.filter(good)
    cells |= {name: _composed(cells[name]) for name in NAMES}
    cells["id"] = _with_ids(cells)
    _raise_problems(path, [*table.problems, *table.no_texts, *wrong, *_id_problems(cells, lines)])
    if not len(lines):
        raise DataError(f"{path}: got no rows; expected one row a sample; add them")
    return cells, lines


def _column_problems(names: Sequence[str], *, unlabelled: bool) -> Iterator[Problem]:
    if not names:
        return  # nothing was read; that is another problem
    missing = [repr(name) for name in REQUIRED if name not in names]
    if not unlabelled and not set(LABELS) & set(names):
        missing.append("'concept' or 'item'")
    if missing:
        given = ", ".join(repr(name) for name in names)
        advice = "add or rename columns" if len(names) > 1 else "separate columns with commas"
        yield 1, f"got the columns {given}; expected also {' and '.join(missing)}; {advice}"
    for name in dict.fromkeys(names):
        if not name:
            yield 1, "got a column without a name; expected a name for each; name or remove it"
        elif names.count(name) > 1:
            yield 1, f"got the column {name!r} twice; expected different names; rename one"


def _cell_problems(cells: Columns, lines: pa.Array) -> Iterator[Problem]:
    for name in REQUIRED:
        for line in lines.filter(cells[name].is_null()).to_pylist():
            yield line, f"{name} is empty; expected a value; fill it in"
    for name in NAMES:
        unusual = _unusual(cells[name])
        texts, places = cells[name].filter(unusual), lines.filter(unusual)
        for text, line in zip(texts.to_pylist(), places.to_pylist(), strict=True):
            if UNNAMEABLE.search(text):
                yield (
                    line,
                    f"{name}: got {text!r}; expected no line break or other control character; "
                    "remove it",
                )


def _unusual(names: pa.Array) -> pa.Array:
    return pc.match_substring_regex(names, _UNUSUAL).fill_null(False)


def _composed(names: pa.Array) -> pa.Array:
    unusual = _unusual(names)
    forms = [compose(name) for name in names.filter(unusual).to_pylist()]
    return pc.replace_with_mask(names, unusual, pa.array(forms, TEXT))


def _with_ids(cells: Columns) -> pa.Array:
    """Return the rows' ids, made of modality and input where a row has none."""
    without = cells["id"].is_null()
    modalities, inputs = (cells[name].filter(without) for name in REQUIRED)
    digests = [hashlib.sha256(given.encode()).hexdigest()[:12] for given in inputs.to_pylist()]
    made = pc.binary_join_element_wise(modalities, pa.array(digests, TEXT), pa.scalar("-", TEXT))
    return pc.replace_with_mask(cells["id"], without, made)


def _id_problems(cells: Columns, lines: pa.Array) -> Iterator[Problem]:
    """Name the rows whose id an earlier row has for another modality or input."""
    ids, count = _numbers(cells["id"])
    if count == len(ids):
        return
    first = np.full(count, len(ids))
    np.minimum.at(first, ids, np.arange(len(ids)))
    others = first[ids]  # each row's first with its id
    differs = np.zeros(len(ids), bool)
    for name in REQUIRED:
        given, _ = _numbers(cells[name])
        differs |= given != given[others]
    for place in np.flatnonzero(differs):
        name, line, other = (
            column[int(at)].as_py()
            for column, at in ((cells["id"], place), (lines, place), (lines, others[place]))
        )
        what = f"got the id {name!r} for another input than in line {other}"
        advice = "rename one, or use `item` for one thing seen in several modalities"
        yield line, f"{what}; expected one input an id; {advice}"


def _numbers(texts: pa.Array) -> tuple[NDArray[np.int32], int]:
    """Give texts numbers in order of first appearance, (n,), and count those that differ."""
    encoded = texts.dictionary_encode()
    return encoded.indices.to_numpy(), len(encoded.dictionary)


def _raise_problems(path: Path, problems: Sequence[Problem]) -> None:
    ordered = sorted(problems, key=lambda problem: problem[0])
    lines = [f"{path}:{line}: {message}" for line, message in ordered]
    if len(lines) > PROBLEMS_SHOWN:
        lines[PROBLEMS_SHOWN:] = [f"{path}: and {len(lines) - PROBLEMS_SHOWN} more problems"]
    if lines:
        raise DataError("\n".join(lines))
