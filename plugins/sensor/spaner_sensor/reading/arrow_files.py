"""Reads tables: Parquet files, and data frames that people hold already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray
from spaner_core import Source, UnusableInput, open_source

from spaner_sensor.options import ReadingOptions
from spaner_sensor.reading.cells import read_times, since_first
from spaner_sensor.reading.columns import Columns, find_columns
from spaner_sensor.reading.readings import Readings, check_length, name_row, unreadable

EXPECTED = "a whole Parquet file"

_NUMBERS = (
    pyarrow.types.is_integer,
    pyarrow.types.is_floating,
    pyarrow.types.is_boolean,
    pyarrow.types.is_decimal,
)
_TEXTS = (
    *(pyarrow.types.is_string, pyarrow.types.is_large_string),
    pyarrow.types.is_string_view,  # of polars
)


@contextmanager
def opened_parquet(source: Source, options: ReadingOptions) -> Iterator[tuple[Any, Columns]]:
    """Open a file and find its columns; nothing but its metadata is read.

    Raises `UnusableInput`, also for what pyarrow raises within the block.
    """
    try:
        # opened by Python: pyarrow takes no names of files that are not UTF-8
        with open_source(source) as file:
            parquet = pyarrow.parquet.ParquetFile(file)
            check_length(parquet.metadata.num_rows)
            columns = find_columns(parquet.schema_arrow.names, options)
            _check_types(parquet.schema_arrow, columns)
            yield parquet, columns
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise unreadable(error, expected=EXPECTED) from error


def read_parquet(source: Source, options: ReadingOptions) -> Readings:
    """Read the channels, and the times where there are any. Raises `UnusableInput`."""
    with opened_parquet(source, options) as (parquet, columns):
        names = parquet.schema_arrow.names
        places = [*columns.channels, *(() if columns.time is None else (columns.time,))]
        wanted = [names[place] for place in places]
        # one thread: Arrow's own would let go of the Python file when Python may have ended
        return _readings(parquet.read(columns=wanted, use_threads=False), names, columns)


def take_table(value: Any, options: ReadingOptions) -> Readings:
    """Take a data frame, or a mapping of names to columns. Raises `UnusableInput`.

    Whatever speaks Arrow's protocol is one: pandas, polars and Arrow need not be told apart.
    """
    try:
        table = pyarrow.table(value)
        check_length(table.num_rows)
        columns = find_columns(table.column_names, options)
        _check_types(table.schema, columns)
        return _readings(table, table.column_names, columns)
    except (TypeError, ValueError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnusableInput(
            f"the {type(value).__name__} is no table ({reason[:200]}); expected a data frame of "
            "named columns of numbers, of one length; make one of it"
        ) from error


def _readings(table: Any, names: Sequence[str], columns: Columns) -> Readings:
    time = None if columns.time is None else names[columns.time]
    return Readings(
        values=np.stack([_numbers(table[names[place]]) for place in columns.channels]),
        seconds=None if time is None else _seconds(table[time], time),
    )


def _check_types(schema: Any, columns: Columns) -> None:
    for place in columns.channels:
        if not any(check(schema.field(place).type) for check in _NUMBERS):
            raise UnusableInput(
                f"column {schema.names[place]!r} is of type {schema.field(place).type}; expected "
                "numbers; convert the column"
            )
    if columns.time is not None:
        kind = schema.field(columns.time).type
        if not any(check(kind) for check in (*_NUMBERS, *_TEXTS, pyarrow.types.is_timestamp)):
            raise UnusableInput(
                f"the time column {schema.names[columns.time]!r} is of type {kind}; expected "
                "seconds, timestamps or ISO 8601 texts; convert the column"
            )


def _numbers(column: Any) -> NDArray[np.float64]:
    """Return (rows,) with NaN for what is null."""
    values = column.cast(pyarrow.float64(), safe=False).to_numpy()
    return np.asarray(values, dtype=np.float64)


def _seconds(column: Any, name: str) -> NDArray[np.float64]:
    """Return seconds (rows,) since the first row."""
    if column.null_count:
        index = column.is_null().to_pylist().index(True)
        raise UnusableInput(
            f"the time column {name!r} has no value in {name_row(index)}; expected a time in each "
            "row; fill it, or take the row out"
        )
    if any(check(column.type) for check in _TEXTS):
        return read_times(column.to_pylist(), name)
    if pyarrow.types.is_timestamp(column.type):
        ticks = column.cast(pyarrow.int64()).to_numpy()
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
        return np.asarray((ticks - ticks[:1]) / per_second)
    return since_first(_numbers(column), name)
