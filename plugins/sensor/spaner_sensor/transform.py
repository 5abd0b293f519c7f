"""From a file of sensor readings to windows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from spaner_core import UnusableInput, fingerprint_options
from torch import Tensor

from spaner_sensor.options import EncoderOptions
from spaner_sensor.tables import read_channels

ALGORITHM_VERSION = 1
"""Raised whenever the same file would give other windows."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Readings `values` (channels, steps) float32 of the named channels at `sample_rate_hz`."""

    values: Tensor
    channels: tuple[str, ...]
    sample_rate_hz: float


class SeriesTransform:
    """Reads series; a sample is a `Series`, an encoder input a window (channels, steps)."""

    def __init__(self, options: EncoderOptions) -> None:
        self._options = options
        self.fingerprint = fingerprint_options("sensor/series", ALGORITHM_VERSION, options)

    def decode(self, source: Path | str) -> Series:
        """Read one CSV or Parquet file, its channels in the order of the option `channels`."""
        options = self._options
        values = torch.from_numpy(read_channels(Path(source), options.channels))
        self._starts(values.shape[1])  # refuses a series that is too short for a window
        return Series(
            values=values, channels=options.channels, sample_rate_hz=options.sample_rate_hz
        )

    def prepare(self, sample: Series) -> list[Tensor]:
        """Cut a series into windows; the last one ends where the series ends."""
        steps = self._options.window_steps
        starts = self._starts(sample.values.shape[1])
        return [sample.values[:, start : start + steps] for start in starts]

    def _starts(self, length: int) -> list[int]:
        """Return where windows start: every hop, and once more where a rest would be left over."""
        options = self._options
        last = length - options.window_steps
        if last < 0:
            raise UnusableInput(
                f"the series has {length} steps ({length / options.sample_rate_hz:g} s); expected "
                f"at least a window of {options.window_steps} steps ({options.window_s:g} s); "
                "give a longer series or lower the option `window_s`"
            )
        starts = list(range(0, last + 1, options.hop_steps))
        return starts if starts[-1] == last else [*starts, last]
