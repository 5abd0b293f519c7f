"""Reads CSV, JSON Lines and Parquet into columns of text.

No reader guesses types: a cell is the text that stands in the file, leading zeros included.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from threading import RLock
from typing import Any

import pyarrow as pa

from spaner_core.data.columns import TEXT, Table
from spaner_core.errors import DataError
from spaner_core.files.ordinary import open_ordinary

LONGEST_CELL = 2**31 - 1
"""Most characters of a CSV cell: all that csv can be told on every system. An input may be long."""

ROWS_AT_ONCE = 2**11
"""Rows that are Python objects at a time, before they become columns."""

_ANNOUNCED = re.compile(r'"?sep=(?P<delimiter>[^"\n])"? *\n', re.IGNORECASE)
"""The first line in which spreadsheets name what separates cells, which is no row."""

_READING = RLock()


@contextmanager
def long_cells() -> Iterator[None]:
    """Let csv read cells of up to `LONGEST_CELL` characters, and leave its limit as it was.

    The limit, 131072 by default, is the whole process's: one thread at a time raises it.
    """
    with _READING:
        limit = csv.field_size_limit(LONGEST_CELL)
        try:
            yield
        finally:
            csv.field_size_limit(limit)


def read_table(path: Path) -> Table:
    """Read a table by its suffix. Raises `DataError` where nothing of it can be read."""
    reader = _READERS.get(path.suffix.lower())
    try:
        if path.is_dir():
            raise DataError(f"{path}: got a folder; expected a file; name the manifest inside it")
        if reader is None:
            raise DataError(
                f"{path}: got the suffix {path.suffix!r}; expected one of {', '.join(_READERS)}; "
                "save the manifest in one of these formats"
            )
        if _is_empty(path):
            raise DataError(f"{path}: got an empty file; expected rows; write one row a sample")
        return reader(path)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path}: {reason}; expected a readable file; check the path") from error


def _is_empty(path: Path) -> bool:
    with open_ordinary(path) as file:
        return not file.read(1)


@long_cells()
def _read_csv(path: Path) -> Table:
    table = Table()
    with _lines(path) as lines:
        rows = _csv_rows(lines, table)
        while part := list(islice(rows, ROWS_AT_ONCE)):
            numbers, records = zip(*part, strict=True)
            table.append(numbers, dict(zip(table.names, zip(*records, strict=True), strict=True)))
    return table


def _csv_rows(lines: Iterator[str], table: Table) -> Iterator[tuple[int, list[str]]]:
    """Give each row's line and cells; note names and problems in `table`."""
    begin = next(lines, "")
    announced = _ANNOUNCED.match(begin)
    first, delimiter = (2, announced["delimiter"]) if announced else (1, ",")
    rest = lines if announced else chain([begin], lines)
    reader = csv.reader(rest, delimiter=delimiter, strict=True)
    start = first
    try:
        for cells in reader:
            line, start = start, reader.line_num + first
            if not any(cell.strip() for cell in cells):
                continue  # spreadsheets leave rows of empty cells behind
            if not table.names:
                table.names = [cell.strip() for cell in cells]
            elif len(cells) == len(table.names):
                yield line, cells
            else:
                counts = f"got {len(cells)} cells; expected {len(table.names)} as in the header"
                what = "a comma" if delimiter == "," else repr(delimiter)
                table.problems.append((line, f"{counts}; quote a cell that holds {what}"))
    except csv.Error as error:  # what follows cannot be told apart any more
        advice = "expected CSV; close quotes, double those inside a cell"
        table.problems.append((start, f"{error}; {advice}"))
        for _ in lines:  # but must be text
            pass


def _read_json_lines(path: Path) -> Table:
    table = Table()
    with _lines(path) as lines:
        rows = _json_rows(lines, table)
        while part := list(islice(rows, ROWS_AT_ONCE)):
            numbers, records = zip(*part, strict=True)
            names = dict.fromkeys(key for cells in records for key in cells)
            table.names = list(dict.fromkeys([*table.names, *names]))
            table.append(numbers, {name: [row.get(name) for row in records] for name in names})
    return table


def _json_rows(lines: Iterator[str], table: Table) -> Iterator[tuple[int, dict[str, object]]]:
    """Give each row's line and cells by name; note problems in `table`."""
    # not splitlines(): JSON strings may hold U+2028 and its like unescaped
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            cells = json.loads(text.removesuffix("\n"), object_pairs_hook=_unique_keys)
            if not isinstance(cells, dict):
                raise ValueError(f"got a JSON {type(cells).__name__}")
        except (ValueError, RecursionError) as error:
            table.problems.append((line, f"{error}; expected one JSON object a line; correct it"))
        else:
            yield line, cells


def _unique_keys(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    cells = {key.strip(): value for key, value in pairs}
    if len(cells) < len(pairs):
        raise ValueError("got a key twice")
    return cells


def _read_parquet(path: Path) -> Table:
    import pyarrow.parquet as pq

    try:
        with open_ordinary(path) as opened, pq.ParquetFile(opened) as file:
            # one thread: Arrow's own would let go of the Python file when Python may have ended
            content = file.read(use_threads=False)
        table = Table(names=[str(name).strip() for name in content.column_names])
        columns = zip(table.names, content.columns, strict=True)
        cells = {name: _parquet_column(column, name, path) for name, column in columns}
    except (pa.ArrowException, ValueError) as error:
        reason = " ".join(str(error).split())
        advice = "expected a Parquet file; write it again"
        raise DataError(f"{path}: cannot be read as Parquet ({reason}); {advice}") from error
    table.append(range(1, len(content) + 1), cells)
    return table


def _parquet_column(column: Any, name: str, path: Path) -> Any:
    """Return a column as texts where Arrow writes them as Python does, else as Python's values."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    try:
        if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
            return column.cast(kind).cast(TEXT).combine_chunks()
        if _is_text(kind):
            column.validate(full=True)
            return column.cast(TEXT).combine_chunks()
    except pa.ArrowException:  # Python says what is wrong
        pass
    try:
        return column.to_pylist()
    except (OverflowError, ValueError) as error:  # a date after the year 9999, half a character
        raise DataError(
            f"{path}: the column {name!r} holds a value that is no {column.type} ({error}); "
            "expected dates up to the year 9999 and texts in UTF-8; correct it"
        ) from error


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


_READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[str]]:
    """Give the lines of a text file, with a line feed at the end of each, whatever ended it."""
    try:
        with open_ordinary(path) as file, io.TextIOWrapper(file, "utf-8-sig") as text:
            yield text
    except UnicodeDecodeError as error:
        raise DataError(_name_wrong_byte(path)) from error


def _name_wrong_byte(path: Path) -> str:
    with open_ordinary(path) as file:
        content = file.read()
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        given = f"got byte 0x{content[error.start]:02x}, which is not UTF-8"
        return f"{path}:{line}: {given}; expected UTF-8; save the file so"
    return f"{path}: got bytes that were not UTF-8; expected UTF-8; read it again"
