"""Synthesises what a microphone beside a running unit records."""

from __future__ import annotations

import io
import wave
from math import pi

import numpy as np

from spaner.demo.factory.rotation import (
    Signal,
    knocks,
    modes_hz,
    outer_race_hz,
    passing_hz,
    ringing,
    shaft_angle,
    shaft_hz,
)
from spaner.demo.factory.units import Unit

RATE_HZ = 16_000
LENGTH_S = 1.0

HARMONICS = 5
"""Multiples of the shaft's and of the blades' frequency that are heard."""

DEAF_BELOW_HZ = 150.0
"""Below it a machine is small against the wavelength, and radiates ever less."""


def sound(unit: Unit) -> Signal:
    """Return the recording (samples,) within ±1."""
    random = unit.random("sound")
    times = np.arange(round(RATE_HZ * LENGTH_S)) / RATE_HZ
    turning = shaft_angle(unit, times, start=random.uniform(0, 2 * pi))
    heard = (
        _shaft(unit, turning, random)
        + _passing(unit, turning, random)
        + _hum(unit, times, random)
        + _struck(unit, times, random)
        + _hiss(unit, len(times), random)
    )
    loudest: float = np.abs(heard).max()
    return heard * (random.uniform(0.4, 0.9) / loudest)


def wav(unit: Unit) -> bytes:
    """Return the recording as a WAV file: mono, 16 bit."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((sound(unit) * 32767).round().astype("<i2").tobytes())
    return content.getvalue()


def _radiated(frequency_hz: float) -> float:
    """Return the share of a vibration that becomes sound."""
    return frequency_hz / (frequency_hz + DEAF_BELOW_HZ)


def _shaft(unit: Unit, turning: Signal, random: np.random.Generator) -> Signal:
    strength = {1: 0.6, 2: 0.3}
    if unit.defect == "imbalance":
        strength[1] *= 5
    if unit.defect == "misalignment":
        strength[2] *= 8
    heard = np.zeros_like(turning)
    for multiple in range(1, HARMONICS + 1):
        level = strength.get(multiple, 0.3 / multiple) * _radiated(multiple * shaft_hz(unit))
        heard += level * np.cos(multiple * turning + random.uniform(0, 2 * pi))
    return heard


def _passing(unit: Unit, turning: Signal, random: np.random.Generator) -> Signal:
    """Blades or teeth; where the shaft runs off centre they come near once a turn."""
    family, elements = unit.product.family, unit.product.elements
    depth = 0.6 if unit.defect == "imbalance" else 0.25
    heard = np.zeros_like(turning)
    for multiple in range(1, HARMONICS + 1):
        level = family.tone / multiple * _radiated(multiple * passing_hz(unit))
        heard += level * np.cos(multiple * elements * turning + random.uniform(0, 2 * pi))
    return heard * (1 + depth * np.cos(turning)) * (0.3 + 0.7 * unit.load_share)


def _hum(unit: Unit, times: Signal, random: np.random.Generator) -> Signal:
    """Iron in a motor is pulled twice a period of the supply."""
    hum_hz = 2 * unit.supply_hz
    level = 0.5 * _radiated(hum_hz) * (2 if unit.product.family.kind == "electric motor" else 1)
    start = random.uniform(0, 2 * pi)
    heard = np.zeros_like(times)
    for multiple in (1, 2, 3):
        heard += level / multiple * np.cos(2 * pi * multiple * hum_hz * times + start)
    return heard


def _struck(unit: Unit, times: Signal, random: np.random.Generator) -> Signal:
    """Knocks that ring: a ball at each fault of a race, a cracked part once a turn."""
    bearing = unit.product.bearing
    if unit.defect == "outer race fault":
        every_hz = outer_race_hz(bearing, shaft_hz(unit))
        resonance_hz, strength = 3_400 * 40 / bearing.pitch_mm, 1.2
    elif unit.defect == "crack":
        every_hz, resonance_hz, strength = shaft_hz(unit), modes_hz(unit)[2], 0.8
    else:
        return np.zeros_like(times)
    train = knocks(times, rate_hz=RATE_HZ, every_hz=every_hz, random=random)
    return (
        strength
        * random.uniform(0.6, 1.2)
        * ringing(train, rate_hz=RATE_HZ, resonance_hz=resonance_hz, decay_s=0.002)
    )


def _hiss(unit: Unit, samples: int, random: np.random.Generator) -> Signal:
    """Noise of flow, louder under load, coloured by the modes of the housing."""
    frequencies = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    shape = 1 / (1 + frequencies / 400)
    for mode_hz in modes_hz(unit):
        shape += 1 / (1 + ((frequencies - mode_hz) / (0.05 * mode_hz)) ** 2)
    noise = np.fft.irfft(np.fft.rfft(random.standard_normal(samples)) * shape, n=samples)
    level = unit.product.family.hiss * (0.3 + 0.7 * unit.load_share)
    return (0.05 + level) * noise
