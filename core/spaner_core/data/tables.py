"""Tables as they stand in a file: CSV, JSON Lines or Parquet, with every problem's line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from spaner_core.errors import DataError
from spaner_core.ordinary_files import open_ordinary

LONGEST_CELL = 2**31 - 1
"""Most characters of a CSV cell: all that csv can be told on every system. An input may be long."""

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


@dataclass
class Table:
    """A file as read: its columns, (line, cells) records and (line, message) problems."""

    columns: list[str] = field(default_factory=list)
    records: list[tuple[int, dict[str, object]]] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


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
    table, text = Table(), _decode(path)
    announced = _ANNOUNCED.match(text)
    first, delimiter = (2, announced["delimiter"]) if announced else (1, ",")
    body = text[announced.end() :] if announced else text
    reader = csv.reader(io.StringIO(body), delimiter=delimiter, strict=True)
    start = first
    try:
        for cells in reader:
            line, start = start, reader.line_num + first
            if not any(cell.strip() for cell in cells):
                continue  # spreadsheets leave rows of empty cells behind
            if not table.columns:
                table.columns = [cell.strip() for cell in cells]
            elif len(cells) == len(table.columns):
                table.records.append((line, dict(zip(table.columns, cells, strict=True))))
            else:
                counts = f"got {len(cells)} cells; expected {len(table.columns)} as in the header"
                what = "a comma" if delimiter == "," else repr(delimiter)
                table.problems.append((line, f"{counts}; quote a cell that holds {what}"))
    except csv.Error as error:  # what follows cannot be told apart any more
        advice = "expected CSV; close quotes, double those inside a cell"
        table.problems.append((start, f"{error}; {advice}"))
    return table


def _read_json_lines(path: Path) -> Table:
    table = Table()
    # not splitlines(): JSON strings may hold U+2028 and its like unescaped
    for line, text in enumerate(_decode(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            cells = json.loads(text, object_pairs_hook=_unique_keys)
            if not isinstance(cells, dict):
                raise ValueError(f"got a JSON {type(cells).__name__}")
        except (ValueError, RecursionError) as error:
            table.problems.append((line, f"{error}; expected one JSON object a line; correct it"))
        else:
            table.records.append((line, cells))
    table.columns = list(dict.fromkeys(key for _, cells in table.records for key in cells))
    return table


def _unique_keys(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    cells = {key.strip(): value for key, value in pairs}
    if len(cells) < len(pairs):
        raise ValueError("got a key twice")
    return cells


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_ordinary(path) as opened, pq.ParquetFile(opened) as file:
            # one thread: Arrow's own would let go of the Python file when Python may have ended
            content = file.read(use_threads=False)
        columns = [str(name).strip() for name in content.column_names]
        values = [
            _cells(column, name, path)
            for name, column in zip(columns, content.columns, strict=True)
        ]
    except (pa.ArrowException, ValueError) as error:
        reason = " ".join(str(error).split())
        advice = "expected a Parquet file; write it again"
        raise DataError(f"{path}: cannot be read as Parquet ({reason}); {advice}") from error
    rows = enumerate(zip(*values, strict=True), start=1)
    records = [(line, dict(zip(columns, cells, strict=True))) for line, cells in rows]
    return Table(columns=columns, records=records)


def _cells(column: Any, name: str, path: Path) -> list[object]:
    try:
        cells: list[object] = column.to_pylist()
    except (OverflowError, ValueError) as error:  # a date after the year 9999, half a character
        raise DataError(
            f"{path}: the column {name!r} holds a value that is no {column.type} ({error}); "
            "expected dates up to the year 9999 and texts in UTF-8; correct it"
        ) from error
    return cells


_READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}


def _decode(path: Path) -> str:
    with open_ordinary(path) as file:
        content = file.read()
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        given = f"got byte 0x{content[error.start]:02x}, which is not UTF-8"
        raise DataError(f"{path}:{line}: {given}; expected UTF-8; save the file so") from error
