"""Writes examples for the conformance kit."""

from __future__ import annotations

import math
from pathlib import Path

import soundfile
import torch
from spaner_core import Examples

GLIDES = {
    "rising.wav": (300, 900, 0.4, 16_000),
    "falling.flac": (900, 300, 0.7, 22_050),
    "steady.ogg": (2000, 2000, 0.3, 8_000),
}
"""Synthetic sounds: first and last pitch in Hz, length in seconds, rate in Hz."""


def write_examples(folder: Path) -> Examples:
    """Write tones that glide between two pitches, of different lengths, rates and formats."""
    sounds = []
    for name, (start_hz, end_hz, length_s, rate_hz) in GLIDES.items():
        pitch_hz = torch.linspace(start_hz, end_hz, int(length_s * rate_hz), dtype=torch.float64)
        sound = 0.5 * torch.sin(2 * math.pi * pitch_hz.cumsum(0) / rate_hz)
        soundfile.write(folder / name, sound.numpy(), rate_hz)
        sounds.append((sound.numpy(), rate_hz))
    return Examples(
        inputs=[folder / name for name in GLIDES],
        objects=[*sounds, {"array": sounds[0][0], "sampling_rate": sounds[0][1]}],
        changing={"bands": 32, "tokens": 8, "floor_db": 40.0},
        neutral={"model": "logmel"},  # any other has other options
    )
