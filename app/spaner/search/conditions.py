"""Chooses rows by conditions on the manifest's columns: COLUMN OP VALUE."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute as pc
from spaner_core.data.manifest import Rows
from spaner_core.errors import ConfigError

from spaner.search.query_parts import Condition

COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
ORDERED = ("<", "<=", ">", ">=")
TYPES = {"numbers": pa.float64(), "dates": pa.timestamp("us")}
"""What a column holds where every cell can be read so; else it holds texts."""


def choose_rows(rows: Rows, conditions: Iterable[Condition]) -> NDArray[np.bool_]:
    """Return which rows meet all conditions, (n,); an empty cell meets none.

    Raises `ConfigError` for a column that is not there, or a value of another type.
    """
    chosen = np.ones(len(rows), dtype=bool)
    for condition in conditions:
        cells, value = _typed(rows, condition)
        met = pc.fill_null(COMPARE[condition.op](cells, value), False)
        chosen &= np.asarray(met.to_numpy(zero_copy_only=False), dtype=bool)
    return chosen


def _typed(rows: Rows, condition: Condition) -> tuple[pa.Array, pa.Scalar]:
    cells = rows.cells.get(condition.column)
    if cells is None:
        raise _refused(condition, _unknown(condition.column, list(rows.cells)))
    for kind, wanted in TYPES.items():
        try:
            read = cells.cast(wanted)
        except pa.ArrowInvalid:
            continue
        try:
            return read, pa.scalar(condition.value, pa.string()).cast(wanted)
        except pa.ArrowInvalid:
            if read.null_count == len(read):  # it may be anything
                break
            raise _refused(
                condition, f"the column {condition.column!r} holds {kind}; give one"
            ) from None
    if condition.op in ORDERED:
        raise _refused(
            condition,
            f"the column {condition.column!r} holds texts, which have no order; compare with = or "
            "!=, or write numbers or dates (2026-11-27) in every cell",
        )
    return cells, pa.scalar(condition.value, cells.type)


def _unknown(column: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(column, known, n=1)
    return (
        f"no row has a column {column!r}; "
        + (f"did you mean {near[0]!r}? " if near else "")
        + f"there are {', '.join(known)}"
    )


def _refused(condition: Condition, why: str) -> ConfigError:
    return ConfigError(f"--where {str(condition)!r}: {why}")
