"""Reads CSV and TSV files, and names the line that is wrong."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spaner_core import Source, UnusableInput, open_source, suffix_of

from spaner_sensor.options import ReadingOptions
from spaner_sensor.reading.cells import read_numbers, read_times
from spaner_sensor.reading.columns import Columns, count_wanted, find_columns
from spaner_sensor.reading.readings import Readings, check_length, unreadable

LARGEST_FILE = 2**28
"""Most bytes of a text file: more would fill the memory of an ordinary machine."""

LONGEST_HEADER = 2**20
"""Most bytes that are looked at for a header."""

_ERRORS = "surrogateescape"
"""Bytes that are no UTF-8 stand in no cell that is a number; in the header they are Latin-1."""

_ANNOUNCED = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"? *(\r\n|\r|\n)', re.IGNORECASE)
"""The first line in which spreadsheets name what separates cells, which is no header."""

EXPECTED = "a text file of comma, semicolon or tab separated cells in UTF-8"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a text file is written: its delimiter, the width of its rows, the columns to read.

    `is_announced` where a first line names the delimiter and nothing else.
    """

    delimiter: str
    width: int
    columns: Columns
    is_announced: bool


def read_layout(source: Source, options: ReadingOptions) -> Layout:
    """Read a file's header, and no more than its beginning.

    The delimiter is the one that a first line `sep=;` names, or else finds most of the columns to
    read. Raises `UnusableInput`.
    """
    try:
        with open_source(source) as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            beginning = file.read(LONGEST_HEADER)
    except OSError as error:
        raise unreadable(error, expected=EXPECTED) from error
    if size > LARGEST_FILE:
        raise UnusableInput(
            f"the file has {size} bytes; expected at most {LARGEST_FILE}; cut it into several, or "
            "save it as Parquet"
        )
    if b"\0" in beginning:
        raise UnusableInput(
            "the file cannot be read (it is UTF-16 or no text); expected a text file in UTF-8; "
            "export it again"
        )
    if len(beginning) == LONGEST_HEADER and b"\n" not in beginning and b"\r" not in beginning:
        raise UnusableInput(
            f"the first line has more than {LONGEST_HEADER} bytes; expected a header that names "
            "the channels; add one, or check the file"
        )
    text = beginning.decode("utf-8-sig", _ERRORS)
    order = "\t,;" if suffix_of(source) == ".tsv" else ",;\t"
    if announced := _ANNOUNCED.match(text):
        text, order = text[announced.end() :], announced["delimiter"]
    headers = {delimiter: _first_row(text, delimiter) for delimiter in order}
    delimiter = max(order, key=lambda d: (count_wanted(headers[d], options), len(headers[d])))
    names = headers[delimiter]
    return Layout(
        delimiter=delimiter,
        width=len(names),
        columns=find_columns(names, options),
        is_announced=announced is not None,
    )


def read_delimited(source: Source, options: ReadingOptions) -> Readings:
    """Read the channels, and the times where there are any. Raises `UnusableInput`."""
    layout = read_layout(source, options)
    lines = array("L")
    time = layout.columns.time
    places = [*layout.columns.channels, *(() if time is None else (time,))]
    cells: list[list[str]] = [[] for _ in places]
    try:
        with io.TextIOWrapper(
            open_source(source), encoding="utf-8-sig", errors=_ERRORS, newline=""
        ) as file:
            if layout.is_announced:
                next(file)
            reader = csv.reader(file, delimiter=layout.delimiter)
            rows = _filled(reader)
            next(rows, None)
            for row in rows:
                line = reader.line_num + layout.is_announced
                if len(row) != layout.width:
                    raise _misshapen(row, layout, number=len(lines) + 1, line=line)
                lines.append(line)
                for column, place in zip(cells, places, strict=True):
                    column.append(row[place])
    except (OSError, csv.Error) as error:
        raise unreadable(error, expected=EXPECTED) from error
    check_length(len(lines))
    return Readings(
        values=read_numbers(cells[: len(options.channels)], options.channels, lines=lines),
        seconds=None if time is None else read_times(cells[-1], str(options.time), lines=lines),
        lines=lines,
    )


def _first_row(text: str, delimiter: str) -> list[str]:
    try:
        names = next(_filled(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)), None)
    except csv.Error as error:
        raise unreadable(error, expected=EXPECTED) from error
    if names is None:
        raise UnusableInput("the file is empty; expected a header and rows of numbers; check it")
    raw = (name.encode("utf-8", _ERRORS) for name in names)
    return [name.decode("utf-8" if _is_utf8(name) else "latin-1").strip() for name in raw]


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _filled(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Leave out blank lines."""
    return (row for row in rows if len(row) > 1 or (row and row[0].strip()))


def _misshapen(row: Sequence[str], layout: Layout, *, number: int, line: int) -> UnusableInput:
    commas = layout.delimiter == "," and len(row) == 2 * layout.width
    return UnusableInput(
        f"row {number} has {len(row)} cells{', as decimal commas would make' if commas else ''} "
        f"(line {line}); expected {layout.width} as in the header; mend the row or export the file "
        "again"
    )
