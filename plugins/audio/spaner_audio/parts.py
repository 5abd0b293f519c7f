"""Cuts recordings into stretches of time and silences single ones."""

from __future__ import annotations

from dataclasses import replace

from spaner_core import Part, stretches

from spaner_audio.recordings import Waveform

MOST_PARTS = 20


def waveform_parts(sample: Waveform) -> list[Part]:
    """Return stretches of a round length; the last one ends where the recording does."""
    cut = stretches(len(sample.samples), rate_hz=sample.rate_hz, most=MOST_PARTS)
    return [Part(each.label, (each.start, each.end)) for each in cut]


def silence(sample: Waveform, part: Part) -> Waveform:
    """Return a copy that is silent within a part."""
    start, end = part.place
    samples = sample.samples.clone()
    samples[start:end] = 0
    return replace(sample, samples=samples)
