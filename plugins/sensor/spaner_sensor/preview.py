"""Shows a series: a line per channel, length, rate and range."""

from __future__ import annotations

from spaner_core import Preview, draw_traces, png_of

from spaner_sensor.reading.series import Series

MOST_CHANNELS = 8
"""Channels that are drawn; with more, none could be told."""


def preview(sample: Series) -> Preview:
    """Draw the first channels below each other; say how long the series is and what it holds."""
    steps = sample.values.shape[1]
    length_s = steps / sample.sample_rate_hz
    channels = dict(zip(sample.channels, sample.values.numpy(), strict=True))
    shown, count = dict(list(channels.items())[:MOST_CHANNELS]), len(channels)
    picture = draw_traces(shown, length_s=length_s, around_zero=False)
    lines = [
        f"{length_s:g} s, {steps} steps at {sample.sample_rate_hz:g} Hz, "
        f"{count} channel{'s' if count > 1 else ''}",
        *(
            f"{name}: {values.min() + 0:.4g} to {values.max() + 0:.4g}"  # never -0
            for name, values in shown.items()
        ),
        *([f"and {count - MOST_CHANNELS} more channels"] if count > MOST_CHANNELS else []),
    ]
    return Preview(text="\n".join(lines), png=png_of(picture))
