"""Columns of numbers from CSV and Parquet files, refused with the place that is wrong."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray
from spaner_core import UnusableInput

Table = Mapping[str, Sequence[object]]
"""Cells by column name, as the file gives them."""


def read_channels(path: Path, channels: Sequence[str]) -> NDArray[np.float32]:
    """Read the named columns of a file as (channels, steps); other named columns are left."""
    table = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)
    missing = [channel for channel in channels if channel not in table]
    if missing:
        raise UnusableInput(
            f"the file has {len(table)} columns ({', '.join(table)}); expected the "
            f"{len(channels)} channels {', '.join(channels)}, of which {', '.join(missing)} are "
            "missing; rename the columns or set the option `channels`"
        )
    return np.stack([_numbers(table[channel], channel=channel) for channel in channels])


def _numbers(cells: Sequence[object], *, channel: str) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what overflows is refused as infinite below
        try:
            values = np.array(cells, dtype=np.float64).astype(np.float32)
        except (TypeError, ValueError):
            values = np.array([_number(cell) for cell in cells], dtype=np.float32)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        row = int(wrong[0])
        raise UnusableInput(
            f"channel {channel} holds {cells[row]!r} in row {row + 1}; expected a finite number; "
            "fill the gap or cut the series there"
        )
    return values


def _number(cell: object) -> float:
    try:
        return float(cell)  # type: ignore[arg-type]  # what cannot be converted is what we look for
    except (TypeError, ValueError):
        return float("nan")


def _read_csv(path: Path) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableInput(
            f"the file cannot be read ({error}); expected a UTF-8 CSV file; check or export it "
            "again"
        ) from error
    if not rows:
        raise UnusableInput("the file is empty; expected a header and rows of numbers; check it")
    header = [name.strip() for name in rows[0]]
    _check_header(header)
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise UnusableInput(
                f"row {number} has {len(row)} cells; expected {len(header)} as in the header; "
                "mend the row or export the file again"
            )
    columns = zip(*rows[1:], strict=True) if len(rows) > 1 else ((),) * len(header)
    return dict(zip(header, columns, strict=True))


def _check_header(header: Sequence[str]) -> None:
    if not any(np.isnan(_number(name)) for name in header):
        raise UnusableInput(
            f"the first row holds {len(header)} numbers ({', '.join(header)}); expected a header "
            "that names the channels; add one"
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UnusableInput(
            f"the header names {', '.join(map(repr, twice))} more than once; expected each column "
            "once; rename one"
        )


def _read_parquet(path: Path) -> Table:
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (OSError, pyarrow.ArrowException) as error:
        raise UnusableInput(
            f"the file cannot be read ({str(error).splitlines()[0]}); expected a whole Parquet "
            "file; check or export it again"
        ) from error
    _check_header(table.column_names)
    return {
        name: column.to_pylist()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
