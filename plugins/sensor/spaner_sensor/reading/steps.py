"""Resamples readings to the model's rate, by stated rules for gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from spaner_core import UnusableInput

from spaner_sensor.options import ReadingOptions
from spaner_sensor.reading.readings import LONGEST_SERIES, Readings

_ROUNDING = 1e-6
"""Share of a step by which a series may end early without losing its last step."""


def steady_steps(readings: Readings, options: ReadingOptions) -> NDArray[np.float32]:
    """Return (channels, steps) finite, one step every 1 / `sample_rate_hz` seconds.

    Raises `UnusableInput` at infinite values, at missing ones that may not be filled, and at times
    that do not rise or leave a gap longer than `max_gap_s`.
    """
    _check_finite(readings, options)
    if readings.seconds is not None:
        _check_times(readings, readings.seconds, options)
    values = _filled(readings, options)
    if readings.seconds is not None:
        values = _resampled(values, readings.seconds, rate=options.sample_rate_hz)
    return values.astype(np.float32)


def _check_finite(readings: Readings, options: ReadingOptions) -> None:
    wrong = np.abs(readings.values) > np.finfo(np.float32).max  # NaN is not
    if wrong.any():
        index = int(wrong.any(axis=0).argmax())
        channel = int(wrong[:, index].argmax())
        raise UnusableInput(
            f"channel {options.channels[channel]} holds {readings.values[channel, index]:g} in "
            f"{readings.row(index)}; expected a finite number that float32 can hold; mend the cell "
            "or cut the series there"
        )


def _filled(readings: Readings, options: ReadingOptions) -> NDArray[np.float64]:
    """Return the values with their gaps filled by straight lines, where the options allow it."""
    missing = np.isnan(readings.values)
    if not missing.any():
        return readings.values
    if options.missing == "refuse":
        index = int(missing.any(axis=0).argmax())
        names = [n for n, row in zip(options.channels, missing, strict=True) if row[index]]
        raise UnusableInput(
            f"channel {names[0]} has no value in {readings.row(index)}, the first of "
            f"{int(missing.sum())} missing values; expected none; fill them, cut the series, or "
            "set the option `missing: interpolate`"
        )
    filled = readings.values.copy()
    rows = np.arange(missing.shape[1]) / options.sample_rate_hz
    times = rows if readings.seconds is None else readings.seconds
    for name, values, gaps in zip(options.channels, filled, missing, strict=True):
        if gaps.any():
            _check_gaps(readings, times, gaps, name=name, longest=options.max_gap_s)
            values[gaps] = np.interp(times[gaps], times[~gaps], values[~gaps])
    return filled


def _check_gaps(
    readings: Readings,
    times: NDArray[np.float64],
    gaps: NDArray[np.bool_],
    *,
    name: str,
    longest: float,
) -> None:
    known = np.flatnonzero(~gaps)
    if gaps[0] or gaps[-1]:
        index = 0 if gaps[0] else int(known[-1]) + 1
        raise UnusableInput(
            f"channel {name} has no value in {readings.row(index)}, where the series "
            f"{'begins' if gaps[0] else 'ends'}; expected values around what is filled; cut the "
            "series there"
        )
    spans = np.diff(times[known])
    wide = np.flatnonzero((np.diff(known) > 1) & (spans > longest * (1 + _ROUNDING)))
    if len(wide):
        index = int(known[wide[0]]) + 1
        raise UnusableInput(
            f"channel {name} has no value for {spans[wide[0]]:g} s from {readings.row(index)}; "
            f"expected gaps of at most {longest:g} s; cut the series there, or raise the option "
            "`max_gap_s`"
        )


def _check_times(readings: Readings, seconds: NDArray[np.float64], options: ReadingOptions) -> None:
    spans = np.diff(seconds)
    still = np.flatnonzero(~(spans > 0))
    if len(still):
        index = int(still[0])
        what = "repeats the time of" if spans[index] == 0 else "is earlier than"
        raise UnusableInput(
            f"{readings.row(index + 1)} {what} the row before it (column {options.time!r}); "
            "expected times that rise; sort the rows and take out what is double"
        )
    wide = np.flatnonzero(spans > options.max_gap_s * (1 + _ROUNDING))
    if len(wide):
        index = int(wide[0])
        raise UnusableInput(
            f"{spans[index]:g} s lie between {readings.row(index)} and the next (column "
            f"{options.time!r}, in seconds), in one of {len(wide)} gaps; expected at most "
            f"{options.max_gap_s:g} s; give the times in seconds, cut the series there, or raise "
            "the option `max_gap_s`"
        )


def _resampled(
    values: NDArray[np.float64], seconds: NDArray[np.float64], *, rate: float
) -> NDArray[np.float64]:
    """Return (channels, steps) on straight lines between the readings, from the first on."""
    if not len(seconds):
        return values
    steps = float(seconds[-1]) * rate + _ROUNDING
    if steps >= LONGEST_SERIES:
        raise UnusableInput(
            f"the series lasts {seconds[-1]:g} s, {steps:.0f} steps at {rate:g} Hz; expected at "
            f"most {LONGEST_SERIES}; cut it into several"
        )
    wanted = np.arange(int(steps) + 1) / rate
    return np.stack([np.interp(wanted, seconds, row) for row in values])
