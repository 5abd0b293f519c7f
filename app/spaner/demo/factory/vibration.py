"""Synthesises what an accelerometer on a running unit measures."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from spaner.demo.factory.rotation import (
    MOUNT_DAMPING,
    MOUNT_HZ,
    Signal,
    knocks,
    modes_hz,
    mount_response,
    outer_race_hz,
    passing_hz,
    ringing,
    shaft_angle,
    shaft_hz,
)
from spaner.demo.factory.units import Unit

RATE_HZ = 2_000
LENGTH_S = 1.0
AXES = ("acc_x", "acc_y", "acc_z")
"""Across the shaft, upwards, along the shaft; in m/s²."""

ECCENTRICITY_M, IMBALANCED_M = 12e-6, 70e-6
MISALIGNED_M = 25e-6
PASSING_M_S2 = 0.4
BEARING_HZ = 720.0
"""Where a knocking bearing rings, as far as it is below half the rate."""

MODE_DECAY_S = 0.01


def vibration(unit: Unit) -> NDArray[np.float64]:
    """Return the acceleration (samples, 3) in m/s²."""
    random = unit.random("vibration")
    times = np.arange(round(RATE_HZ * LENGTH_S)) / RATE_HZ
    turning = shaft_angle(unit, times, start=random.uniform(0, 2 * pi))
    moved = _turned(unit, turning, random) + _passed(unit, turning, random)
    moved += np.outer(_struck(unit, times, random), (0.8, 1.0, 0.5))
    return moved + _shaken(unit, moved.shape, random)


def csv(unit: Unit) -> bytes:
    """Return the acceleration as a CSV file, to a thousandth of m/s²."""
    steps = vibration(unit)
    header = ",".join(AXES) + "\n"
    return (header + "%.3f,%.3f,%.3f\n" * len(steps) % tuple(steps.ravel())).encode("ascii")


def _turned(unit: Unit, turning: Signal, random: np.random.Generator) -> NDArray[np.float64]:
    """Shake at and at twice the shaft's frequency; upwards follows across by a quarter turn."""
    eccentricity_m = IMBALANCED_M if unit.defect == "imbalance" else ECCENTRICITY_M
    once = _acceleration(unit, 1, eccentricity_m * random.uniform(0.8, 1.25))
    misaligned_m = MISALIGNED_M if unit.defect == "misalignment" else MISALIGNED_M / 15
    twice = _acceleration(unit, 2, misaligned_m * random.uniform(0.8, 1.25))
    shift = random.uniform(0, 2 * pi)
    across = once * np.cos(turning) + 0.6 * twice * np.cos(2 * turning + shift)
    upwards = 0.8 * once * np.sin(turning) + 0.6 * twice * np.sin(2 * turning + shift)
    along = 0.2 * once * np.cos(turning) + twice * np.cos(2 * turning + shift)
    return np.stack([across, upwards, along], axis=1)


def _acceleration(unit: Unit, multiple: int, offset_m: float) -> float:
    frequency_hz = multiple * shaft_hz(unit)
    return (2 * pi * frequency_hz) ** 2 * offset_m * mount_response(unit, frequency_hz)


def _passed(unit: Unit, turning: Signal, random: np.random.Generator) -> NDArray[np.float64]:
    """Blades or teeth; what is faster than half the rate was filtered off before sampling."""
    moved = np.zeros((len(turning), len(AXES)))
    for multiple in (1, 2, 3):
        if multiple * passing_hz(unit) >= 0.45 * RATE_HZ:
            break
        level = PASSING_M_S2 * unit.product.family.tone * (0.3 + 0.7 * unit.load_share) / multiple
        tone = level * np.cos(multiple * unit.product.elements * turning)
        moved += np.outer(tone, random.uniform(0.4, 1.0, len(AXES)))
    return moved


def _struck(unit: Unit, times: Signal, random: np.random.Generator) -> Signal:
    if unit.defect == "outer race fault":
        every_hz, resonance_hz = outer_race_hz(unit.product.bearing, shaft_hz(unit)), BEARING_HZ
    elif unit.defect == "crack":
        every_hz, resonance_hz = shaft_hz(unit), modes_hz(unit)[0]
    else:
        return np.zeros_like(times)
    train = knocks(times, rate_hz=RATE_HZ, every_hz=every_hz, random=random)
    return random.uniform(2.0, 4.0) * ringing(
        train, rate_hz=RATE_HZ, resonance_hz=resonance_hz, decay_s=0.006
    )


def _shaken(unit: Unit, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
    """Return noise on all axes, and what it excites: two modes of the housing, and the mount."""
    mount_hz = MOUNT_HZ[unit.mount]
    mount_decay_s = 1 / (2 * pi * mount_hz * MOUNT_DAMPING[unit.mount])
    rings = [(mode_hz, MODE_DECAY_S) for mode_hz in modes_hz(unit)[:2]]
    level = 0.05 + 0.15 * unit.product.family.hiss * (0.3 + 0.7 * unit.load_share)
    moved = level * random.standard_normal(shape)
    for axis, (resonance_hz, decay_s) in enumerate([*rings, (mount_hz, mount_decay_s)]):
        # a sine that dies away gathers noise for as long as it rings; each gets the same strength
        push = 4 * level / sqrt(decay_s * RATE_HZ) * random.standard_normal(shape[0])
        rung = ringing(push, rate_hz=RATE_HZ, resonance_hz=resonance_hz, decay_s=decay_s)
        moved += np.outer(rung, np.roll((1.0, 0.5, 0.25), axis))
    return moved
