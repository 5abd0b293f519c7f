"""Turns a file of sensor readings, whole or without parts, into windows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import NamedTuple

from spaner_core import Part, Source, UnusableInput, fingerprint_options, stretches, window_starts
from torch import Tensor

from spaner_sensor.encoders.windows import Windows
from spaner_sensor.options import ReadingOptions, RocketOptions
from spaner_sensor.reading.objects import take_readings
from spaner_sensor.reading.series import Series, count_rows, read_series, series_of

ALGORITHM_VERSION = 1
"""Raised whenever the same file would give other windows."""

MOST_PARTS = 64

MOST_GROUPS = 16
"""Groups of channels; where there are as few channels, each is one."""

MOST_STRETCHES = 10


class SeriesTransform:
    """Reads series; a sample is a `Series`, an encoder input a window (channels, steps)."""

    def __init__(self, options: ReadingOptions, *, windows: Windows) -> None:
        self._options = options
        self._windows = windows
        self.fingerprint = _fingerprint(options, windows)

    def decode(self, source: Source) -> Series:
        """Read one file or upload, its channels in the order of the option `channels`."""
        return self._checked(read_series(source, self._options))

    def take(self, value: object) -> Series | None:
        """Take a data frame, or an array with names or its rate. Raises `UnusableInput`."""
        readings = take_readings(value, self._options)
        return None if readings is None else self._checked(series_of(readings, self._options))

    def parts(self, sample: Series) -> list[Part]:
        """Return stretches of time, by channel where these are few."""
        return series_parts(sample)

    def without(self, sample: Series, part: Part) -> Series:
        """Return a copy that rests at its channels' means within a part."""
        return rest(sample, part)

    def _checked(self, series: Series) -> Series:
        self._check_length(series.values.shape[1])
        largest = self._windows.largest
        if largest is not None and series.values.abs().max() > largest:
            raise UnusableInput(
                f"the series holds readings up to {series.values.abs().max():g}; expected at most "
                f"{largest:g}, which this model can square; give them in another unit"
            )
        return series

    def check_header(self, source: Source) -> None:
        """Raise `UnusableInput` where header, schema or shape show that a file cannot be used."""
        rows = count_rows(source, self._options)
        if rows is not None and self._options.time is None:
            self._check_length(rows)

    def prepare(self, sample: Series) -> list[Tensor]:
        """Cut a series into windows; the last one ends where the series ends."""
        steps = self._windows.steps
        starts = window_starts(sample.values.shape[1], window=steps, hop=self._windows.hop)
        return [sample.values[:, start : start + steps] for start in starts]

    def _check_length(self, length: int) -> None:
        """Refuse a series that is too short for a window."""
        steps, rate = self._windows.steps, self._options.sample_rate_hz
        if length < steps:
            raise UnusableInput(
                f"the series has {length} steps ({length / rate:g} s); expected at least a window "
                f"of {steps} steps ({steps / rate:g} s); give a longer series or a shorter window"
            )


def _fingerprint(options: ReadingOptions, windows: Windows) -> str:
    """Hash all that decides what is prepared and what is refused.

    Options of reading that stand at their defaults are left out: with them a file gives what it
    gave before they existed, so that features which are stored stay valid.
    """
    if isinstance(options, RocketOptions):
        known = fingerprint_options("sensor/series", ALGORITHM_VERSION, options.settings)
    else:
        cut = _Cut(
            channels=options.channels, sample_rate_hz=options.sample_rate_hz, windows=windows
        )
        known = fingerprint_options("sensor/windows", ALGORITHM_VERSION, cut)
    if not options.beyond_defaults:
        return known
    return hashlib.sha256(
        json.dumps([known, options.beyond_defaults], sort_keys=True).encode()
    ).hexdigest()


@dataclass(frozen=True, kw_only=True)
class _Cut:
    channels: tuple[str, ...]
    sample_rate_hz: float
    windows: Windows


class Place(NamedTuple):
    """Channels and steps, each from the first to before the last."""

    channel: int
    channel_end: int
    start: int
    end: int


def series_parts(sample: Series) -> list[Part]:
    """Return stretches of a round length, of one channel after the other, of several if many."""
    count = len(sample.channels)
    size = -(-count // MOST_GROUPS)
    firsts = range(0, count, size)
    most = min(MOST_STRETCHES, MOST_PARTS // len(firsts))
    steps = sample.values.shape[1]
    cut = stretches(steps, rate_hz=sample.sample_rate_hz, most=most)
    return [
        Part(
            f"{_named(sample.channels[first : first + size])}, {each.label}",
            Place(first, min(count, first + size), each.start, each.end),
        )
        for first in firsts
        for each in cut
    ]


def rest(sample: Series, part: Part) -> Series:
    """Return a copy in which channels stand still at their means within a part."""
    place: Place = part.place
    values = sample.values.clone()
    covered = values[place.channel : place.channel_end]
    covered[:, place.start : place.end] = covered.mean(dim=1, keepdim=True)
    return replace(sample, values=values)


def _named(channels: tuple[str, ...]) -> str:
    if len(channels) == 1:
        return f"channel {channels[0]}"
    return f"channels {channels[0]} to {channels[-1]}"
