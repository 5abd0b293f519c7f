"""Shows recordings: a picture of the waveform, length and rate."""

from __future__ import annotations

import math

from spaner_core import Preview, draw_traces, png_of

from spaner_audio.reading.recordings import Waveform


def preview(sample: Waveform) -> Preview:
    """Draw the waveform as far up as down, the loudest sample at the border."""
    length_s = len(sample.samples) / sample.rate_hz
    picture = draw_traces({"": sample.samples.numpy()}, length_s=length_s, around_zero=True)
    text = f"{_name_length(length_s)}, {sample.rate_hz:,} Hz, {_name_peak(sample)}"
    return Preview(text=text, png=png_of(picture))


def _name_length(length_s: float) -> str:
    if length_s < 60:
        return f"{length_s:.2f} s"
    minutes, seconds = divmod(round(length_s), 60)
    return f"{minutes} min {seconds} s"


def _name_peak(sample: Waveform) -> str:
    peak = float(sample.samples.abs().max())
    return f"peak {20 * math.log10(peak):.0f} dB" if peak > 0 else "silent"
