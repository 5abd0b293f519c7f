"""Corrupts series: noise, drift, lost readings, a wrong clock.

A decoded series never holds missing readings: they were refused, or bridged by straight lines
(`missing: interpolate`). What is lost here is therefore bridged in the same way whatever `missing`
and `max_gap_s` say, and `prepare` takes the series as any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from spaner_sensor.reading.series import Series

Values: TypeAlias = NDArray[np.float64]
"""Readings (channels, steps)."""


@dataclass(frozen=True, kw_only=True)
class SeriesCorruption:
    """A named disturbance of series, with a share for each of the severities 1 to 5.

    `disturb` is given readings (channels, steps), a share and what to draw from, and returns new
    readings. With one seed it draws the same for each severity: the same noise, only stronger.
    """

    name: str
    shares: tuple[float, ...]
    disturb: Callable[[Values, float, Generator], Values]

    def apply(self, sample: Series, *, severity: int, seed: int) -> Series:
        """Return a disturbed copy with as many channels and steps, finite, at the same rate."""
        if severity not in range(1, len(self.shares) + 1):
            raise ValueError(f"severity is {severity}; expected 1 (slight) to 5; give one of them")
        share = self.shares[severity - 1]
        values = sample.values.double().numpy()
        disturbed = self.disturb(values, share, np.random.default_rng(seed))
        largest = np.finfo(np.float32).max
        finite = disturbed.clip(-largest, largest).astype(np.float32)
        return replace(sample, values=torch.from_numpy(finite))


def with_noise(values: Values, share: float, random: Generator) -> Values:
    """Add Gaussian noise of 10, 20, 40, 70, 100 % of each channel's own standard deviation.

    A channel that never changes has none, and stays as it is.
    """
    return values + share * _spread(values) * random.standard_normal(values.shape)


def with_drift(values: Values, share: float, random: Generator) -> Values:
    """Let each channel wander by 25, 50, 100, 200, 400 % of its own standard deviation.

    It wanders up and down once within the series, along a sine that begins anywhere. A channel
    that never changes stays as it is.
    """
    channels, steps = values.shape
    turns = np.arange(steps) / steps + random.random((channels, 1))
    wander: Values = np.sin(2 * math.pi * turns)
    return values + share * _spread(values) * wander


def with_dropout(values: Values, share: float, random: Generator) -> Values:
    """Lose 10, 20, 40, 60, 80 % of each channel's readings, here and there.

    Straight lines bridge what is lost; at the ends the nearest reading is held.
    """
    steps = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    return _bridged(values, random.permuted(steps, axis=1) < int(share * values.shape[1]))


def with_gap(values: Values, share: float, random: Generator) -> Values:
    """Lose one stretch of all channels, 5, 10, 20, 40, 60 % of the series.

    A straight line bridges it; where it reaches an end, the nearest reading is held.
    """
    steps = values.shape[1]
    length = int(share * steps)
    start = int(random.random() * (steps - length + 1))
    lost = np.zeros(values.shape, dtype=np.bool_)
    lost[:, start : start + length] = True
    return _bridged(values, lost)


def with_clock_error(values: Values, share: float, random: Generator) -> Values:
    """Let the clock run 2, 4, 8, 12, 20 % fast or slow, one or the other by chance.

    Readings are taken every 1 + share or 1 - share steps, each the nearest one given: straight
    lines would smooth a series more than a slightly wrong clock disturbs it. A clock that is still
    reading when the series ends reads it backwards from there.
    """
    end = values.shape[1] - 1
    taken = np.arange(end + 1) * (1 + share * random.choice((-1, 1)))
    return values[:, np.rint(end - np.abs(end - taken)).astype(np.int64)]


def _spread(values: Values) -> Values:
    """Return each channel's standard deviation (channels, 1)."""
    return np.asarray(values.std(axis=1, keepdims=True))


def _bridged(values: Values, lost: NDArray[np.bool_]) -> Values:
    """Put straight lines over what is lost; some reading of each channel is not."""
    steps = np.arange(values.shape[1])
    return np.stack(
        [np.interp(steps, steps[~gone], row[~gone]) for row, gone in zip(values, lost, strict=True)]
    )


CORRUPTIONS = (
    SeriesCorruption(name="noise", shares=(0.1, 0.2, 0.4, 0.7, 1.0), disturb=with_noise),
    SeriesCorruption(name="drift", shares=(0.25, 0.5, 1.0, 2.0, 4.0), disturb=with_drift),
    SeriesCorruption(name="dropout", shares=(0.1, 0.2, 0.4, 0.6, 0.8), disturb=with_dropout),
    SeriesCorruption(name="gaps", shares=(0.05, 0.1, 0.2, 0.4, 0.6), disturb=with_gap),
    SeriesCorruption(
        name="clock-error", shares=(0.02, 0.04, 0.08, 0.12, 0.2), disturb=with_clock_error
    ),
)
