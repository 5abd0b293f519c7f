"""Reads any file of readings as a series at the model's rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from spaner_core import Source, suffix_of
from torch import Tensor

from spaner_sensor.options import ReadingOptions
from spaner_sensor.reading.arrays import map_array, read_array
from spaner_sensor.reading.arrow_files import opened_parquet, read_parquet
from spaner_sensor.reading.delimited import read_delimited, read_layout
from spaner_sensor.reading.readings import Readings
from spaner_sensor.reading.steps import steady_steps


@dataclass(frozen=True, kw_only=True)
class Series:
    """Readings `values` (channels, steps) float32 of the named channels at `sample_rate_hz`."""

    values: Tensor
    channels: tuple[str, ...]
    sample_rate_hz: float


_READERS: dict[str, Callable[[Source, ReadingOptions], Readings]] = {
    ".parquet": read_parquet,
    ".npy": read_array,
}
"""What reads a file by its suffix; all others are text."""


def read_series(source: Source, options: ReadingOptions) -> Series:
    """Read a file into one step every 1 / `sample_rate_hz` seconds. Raises `UnusableInput`."""
    return series_of(_READERS.get(suffix_of(source), read_delimited)(source, options), options)


def series_of(readings: Readings, options: ReadingOptions) -> Series:
    """Bring readings to one step every 1 / `sample_rate_hz` seconds. Raises `UnusableInput`."""
    return Series(
        values=torch.from_numpy(steady_steps(readings, options)),
        channels=options.channels,
        sample_rate_hz=options.sample_rate_hz,
    )


def count_rows(source: Source, options: ReadingOptions) -> int | None:
    """Check a file by its header alone; return its number of rows where the header says it.

    Raises `UnusableInput`.
    """
    match suffix_of(source):
        case ".parquet":
            with opened_parquet(source, options) as (parquet, _):
                return int(parquet.metadata.num_rows)
        case ".npy":
            return len(map_array(source, options))
        case _:
            read_layout(source, options)
            return None
