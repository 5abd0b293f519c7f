"""Cuts time into round steps, for ticks and for stretches."""

from __future__ import annotations

import math
from typing import NamedTuple

_ROUND_S = (
    *(factor * 10.0**power for power in range(-6, 1) for factor in (1, 2, 5)),
    *(10.0, 20.0, 30.0),
)
_LONGER_S = tuple(60.0 * minutes for minutes in (1, 2, 5, 10, 20, 30, 60, 120, 360, 720, 1440))


class Stretch(NamedTuple):
    """Steps `start` to `end` of a series, the last one left out, and how people call them."""

    label: str
    start: int
    end: int


def round_step_s(length_s: float, *, most: int) -> float:
    """Return the shortest round number of seconds of which at most `most` fit into a length."""
    wanted = length_s / most * (1 - 1e-9)
    fitting = (step for step in (*_ROUND_S, *_LONGER_S) if step >= wanted)
    return next(fitting, math.ceil(wanted / _LONGER_S[-1]) * _LONGER_S[-1])


def name_seconds(time_s: float, *, step_s: float) -> str:
    """Write a time without its unit, as precisely as a step of `step_s` seconds needs."""
    decimals = max(0, -math.floor(math.log10(step_s) + 1e-9))
    return f"{time_s:.{decimals}f}"


def _name_end(length_s: float, *, step_s: float) -> str:
    """Write where a series ends, which is seldom round, to a hundredth of a step at most."""
    named = [name_seconds(length_s, step_s=step_s / finer) for finer in (1, 10, 100)]
    return next((name for name in named if abs(float(name) - length_s) < step_s / 100), named[-1])


def stretches(steps: int, *, rate_hz: float, most: int) -> list[Stretch]:
    """Cut a series of `steps` at `rate_hz` into at most `most` stretches of a round length.

    Labels read `0.5 to 1.0 s`; the last stretch ends where the series does, and may be half longer
    than the others.
    """
    step_s = max(round_step_s(steps / rate_hz, most=most), 1 / rate_hz)
    count = max(1, math.floor(steps / (step_s * rate_hz) + 0.5))  # a short rest joins the last
    borders = [min(steps, round(number * step_s * rate_hz)) for number in range(count)] + [steps]
    named = [name_seconds(number * step_s, step_s=step_s) for number in range(count)]
    named.append(_name_end(steps / rate_hz, step_s=step_s))
    return [
        Stretch(f"{named[number]} to {named[number + 1]} s", borders[number], borders[number + 1])
        for number in range(count)
        if borders[number] < borders[number + 1]
    ]
