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
from spaner_core import strength_of

from spaner_sensor.reading.series import Series

NOISE = (0.1, 0.2, 0.4, 0.7, 1.0)
"""Standard deviations of the noise, as shares of each channel's own."""

DRIFT = (0.25, 0.5, 1.0, 2.0, 4.0)
"""How far a channel wanders, as shares of its own standard deviation."""

DROPOUT = (0.1, 0.2, 0.4, 0.6, 0.8)
"""Shares of each channel's readings that are lost."""

GAPS = (0.05, 0.1, 0.2, 0.4, 0.6)
"""Shares of the series that are lost in one stretch."""

CLOCK_ERROR = (0.02, 0.04, 0.08, 0.12, 0.2)
"""Shares by which a clock is fast or slow."""

Values: TypeAlias = NDArray[np.float64]
"""Readings (channels, steps)."""


@dataclass(frozen=True, kw_only=True)
class SeriesCorruption:
    """A named disturbance of series; `strengths` are the shares of severities 1 to 5.

    `disturb` is given readings (channels, steps), a share and what to draw from, and returns new
    readings. With one seed it draws the same for each severity: the same noise, only stronger.
    """

    name: str
    strengths: tuple[float, ...]
    disturb: Callable[[Values, float, Generator], Values]

    def apply(self, sample: Series, *, severity: int, seed: int) -> Series:
        """Return a disturbed copy with as many channels and steps, finite, at the same rate."""
        share = strength_of(severity, self.strengths)
        values = sample.values.double().numpy()
        disturbed = self.disturb(values, share, np.random.default_rng(seed))
        largest = np.finfo(np.float32).max
        finite = disturbed.clip(-largest, largest).astype(np.float32)
        return replace(sample, values=torch.from_numpy(finite))


def with_noise(values: Values, share: float, random: Generator) -> Values:
    """Add Gaussian noise of this share of each channel's own standard deviation.

    A channel that never changes has none, and stays as it is.
    """
    return values + share * _spread(values) * random.standard_normal(values.shape)


def with_drift(values: Values, share: float, random: Generator) -> Values:
    """Let each channel wander by this share of its own standard deviation.

    It wanders up and down once within the series, along a sine that begins anywhere. A channel
    that never changes stays as it is.
    """
    channels, steps = values.shape
    turns = np.arange(steps) / steps + random.random((channels, 1))
    wander: Values = np.sin(2 * math.pi * turns)
    return values + share * _spread(values) * wander


def with_dropout(values: Values, share: float, random: Generator) -> Values:
    """Lose this share of each channel's readings, here and there.

    Straight lines bridge what is lost; at the ends the nearest reading is held.
    """
    steps = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    return _bridged(values, random.permuted(steps, axis=1) < int(share * values.shape[1]))


def with_gap(values: Values, share: float, random: Generator) -> Values:
    """Lose one stretch of all channels, this share of the series.

    A straight line bridges it; where it reaches an end, the nearest reading is held.
    """
    steps = values.shape[1]
    length = int(share * steps)
    start = int(random.random() * (steps - length + 1))
    lost = np.zeros(values.shape, dtype=np.bool_)
    lost[:, start : start + length] = True
    return _bridged(values, lost)


def with_clock_error(values: Values, share: float, random: Generator) -> Values:
    """Let the clock run fast or slow by this share, one or the other by chance.

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
    SeriesCorruption(name="noise", strengths=NOISE, disturb=with_noise),
    SeriesCorruption(name="drift", strengths=DRIFT, disturb=with_drift),
    SeriesCorruption(name="dropout", strengths=DROPOUT, disturb=with_dropout),
    SeriesCorruption(name="gaps", strengths=GAPS, disturb=with_gap),
    SeriesCorruption(name="clock-error", strengths=CLOCK_ERROR, disturb=with_clock_error),
)
