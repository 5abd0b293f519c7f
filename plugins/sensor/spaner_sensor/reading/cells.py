"""Reads cells of text as numbers and times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from spaner_core import UnusableInput

from spaner_sensor.reading.readings import name_row

NO_VALUE = frozenset({"", "nan", "na", "n/a", "null", "none"})
"""Cells without a value, in any case."""

TRUTH = {"true": 1.0, "false": 0.0}

_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")


def read_numbers(
    columns: Sequence[Sequence[str]], names: Sequence[str], *, lines: Sequence[int]
) -> NDArray[np.float64]:
    """Return (channels, rows), NaN where a cell has no value.

    A column of `true` and `false` is one of 1 and 0. Raises `UnusableInput` at other words.
    """
    return np.stack(
        [_column(cells, name, lines=lines) for cells, name in zip(columns, names, strict=True)]
    )


def _column(cells: Sequence[str], name: str, *, lines: Sequence[int]) -> NDArray[np.float64]:
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        words = [cell.strip().lower() for cell in cells]
    truths = all(word in TRUTH or word in NO_VALUE for word in words)
    values = np.full(len(words), np.nan)
    for index, word in enumerate(words):
        if word in NO_VALUE:
            continue
        try:
            values[index] = TRUTH[word] if truths else float(word)
        except ValueError:
            raise _no_number(cells[index], name, row=name_row(index, lines)) from None
    return values


def _no_number(cell: str, name: str, *, row: str) -> UnusableInput:
    if _DECIMAL_COMMA.fullmatch(cell.strip()):
        return UnusableInput(
            f"channel {name} holds {cell!r} in {row}, a decimal comma; expected a decimal point; "
            "export the file with decimal points"
        )
    shown = cell if len(cell) <= 40 else cell[:37] + "..."
    return UnusableInput(
        f"channel {name} holds {shown!r} in {row}; expected a number; mend the cell, or cut the "
        "series there"
    )


def read_times(
    cells: Sequence[str], name: str, *, lines: Sequence[int] | None = None
) -> NDArray[np.float64]:
    """Return seconds (rows,) since the first row, of numbers in seconds or ISO 8601 texts.

    The first row says which. Raises `UnusableInput` at a cell that is none.
    """
    if cells and not _is_number(cells[0]):
        return _read_dates(cells, name, lines=lines)
    for index, cell in enumerate(cells):
        if not _is_number(cell):
            raise _no_time(cell, name, row=name_row(index, lines))
    return since_first(np.array(cells, dtype=np.float64), name, lines=lines)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def since_first(
    numbers: NDArray[np.float64], name: str, *, lines: Sequence[int] | None = None
) -> NDArray[np.float64]:
    """Return seconds (rows,) since the first row; raises `UnusableInput` where one is no time."""
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        index = int(wrong[0])
        raise _no_time(str(numbers[index]), name, row=name_row(index, lines))
    return numbers - numbers[:1]


def _read_dates(
    cells: Sequence[str], name: str, *, lines: Sequence[int] | None
) -> NDArray[np.float64]:
    dates: list[datetime] = []
    for index, cell in enumerate(cells):
        try:
            dates.append(datetime.fromisoformat(cell.strip()))
        except ValueError:
            raise _no_time(cell, name, row=name_row(index, lines)) from None
        if (dates[-1].tzinfo is None) != (dates[0].tzinfo is None):
            raise UnusableInput(
                f"the times in {name!r} name a time zone in some rows and none in others (first in "
                f"{name_row(index, lines)}); expected one way for all; write all with a zone, such "
                "as Z"
            )
    # texts without a zone are taken as they stand: the computer's own zone must not decide
    zoned = [date if date.tzinfo else date.replace(tzinfo=UTC) for date in dates]
    return np.array([(date - zoned[0]).total_seconds() for date in zoned])


def _no_time(cell: str, name: str, *, row: str) -> UnusableInput:
    shown = cell if len(cell) <= 40 else cell[:37] + "..."
    return UnusableInput(
        f"the time column {name!r} holds {shown!r} in {row}; expected seconds or ISO 8601, such as "
        "2024-05-01T12:00:00.5; mend the cell"
    )
