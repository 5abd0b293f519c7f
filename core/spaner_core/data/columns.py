"""Keeps a table's cells as Arrow columns of text.

A cell of blanks only is null. Standard library and Arrow only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyarrow import compute as pc

TEXT = pa.large_string()
"""What columns hold: texts of more than 2 GiB together have room, too."""

BLANKS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What `str.strip` takes away; Arrow by itself would take other characters."""

Problem = tuple[int, str]
"""A line, and what is wrong there."""


@dataclass
class Table:
    """A file as read: the names of its columns, their cells, and its problems.

    `parts` are rows one below the other: their lines, (n,) int64, and their cells by column, each
    (n,) `TEXT`. What is no row is among `problems`; a row with a cell that is no text is among
    `no_texts`, and in no part.
    """

    names: list[str] = field(default_factory=list)
    parts: list[tuple[pa.Array, dict[str, pa.Array]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    no_texts: list[Problem] = field(default_factory=list)

    def append(self, lines: Sequence[int], cells: Mapping[str, Any]) -> None:
        """Add rows: their lines, and their cells by column, as values or as an Arrow column."""
        columns: dict[str, pa.Array] = {}
        refused: set[int] = set()
        for name, values in cells.items():
            columns[name], wrong = _text_column(values)
            refused.update(wrong)
            advice = "expected a text or a number; write one value a cell"
            self.no_texts += [
                (lines[place], f"{name}: {why}; {advice}") for place, why in wrong.items()
            ]
        kept, numbers = list(columns.values()), pa.array(lines, pa.int64())
        if refused:
            good = pa.array(sorted({*range(len(lines))} - refused), pa.int64())
            kept, numbers = [column.take(good) for column in kept], numbers.take(good)
        self.parts.append((numbers, dict(zip(columns, kept, strict=True))))

    @property
    def lines(self) -> pa.Array:
        """Each row's line, (n,) int64."""
        return pa.concat_arrays([pa.array([], pa.int64()), *(lines for lines, _ in self.parts)])

    def column(self, name: str) -> pa.Array:
        """Return a column, (n,) `TEXT`; all of it is null where no row has it."""
        parts = (
            cells[name] if name in cells else pa.nulls(len(lines), TEXT)
            for lines, cells in self.parts
        )
        return pa.concat_arrays([pa.array([], TEXT), *parts])


def _text_column(values: Any) -> tuple[pa.Array, dict[int, str]]:
    """Return cells as texts, and why some of them are none, by place."""
    if isinstance(values, pa.Array):
        return _bare(values), {}
    try:
        if pa.infer_type(values) in (pa.string(), pa.null()):
            return _bare(pa.array(values, TEXT)), {}
    except (pa.ArrowException, TypeError, ValueError):  # values of several types, half characters
        pass
    texts: list[str | None] = []
    wrong: dict[int, str] = {}
    for place, value in enumerate(values):
        try:
            texts.append(_text(value))
        except ValueError as error:
            texts.append(None)
            wrong[place] = str(error)
    return _bare(pa.array(texts, TEXT)), wrong


def _bare(texts: pa.Array) -> pa.Array:
    bare = pc.utf8_trim(texts, characters=BLANKS)
    return pc.if_else(pc.equal(bare, ""), pa.scalar(None, TEXT), bare)


def _text(value: object) -> str:
    """Return a cell as text; raise `ValueError` if it is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""  # data frames write NaN for "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict, bytes)):
        raise ValueError(f"got a {type(value).__name__}")
    text = str(value)
    text.encode()  # half of a surrogate pair, which JSON can write, is no character
    return text
