"""Cuts series into stretches of time by channel and covers single ones."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from spaner_core import Part, stretches

from spaner_sensor.series import Series

MOST_PARTS = 64

MOST_GROUPS = 16
"""Groups of channels; where there are as few channels, each is one."""

MOST_STRETCHES = 10


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
