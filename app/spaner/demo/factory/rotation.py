"""States the physics of a turning machine: frequencies, forces, knocks and ringing.

Of a shaft that turns f_r times a second:

- An eccentric mass shakes the machine at f_r. On a mount of natural frequency f_n and damping ζ the
  displacement is e·r²/√((1 − r²)² + (2ζr)²), r = f/f_n (S. S. Rao, Mechanical Vibrations, "response
  of a damped system under rotating unbalance"); the acceleration is (2πf)² times that.
- A misaligned coupling adds twice f_r, and moves the machine along its shaft.
- N blades, vanes or teeth give a tone at N·f_r, with sidebands f_r apart.
- A fault on the outer race of a bearing is struck by each ball: n/2·f_r·(1 − d/D·cos α) times a
  second, each time a little early or late, and each knock rings at a resonance (R. B. Randall and
  J. Antoni, "Rolling element bearing diagnostics: a tutorial", Mechanical Systems and Signal
  Processing 25, 2011, 485-520).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi, radians, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from spaner.demo.factory.products import Bearing
from spaner.demo.factory.units import SEED, Unit

Signal = NDArray[np.float64]

MOUNT_HZ = {"rigid feet": 70.0, "rubber feet": 12.0, "flange": 42.0}
MOUNT_DAMPING = {"rigid feet": 0.06, "rubber feet": 0.18, "flange": 0.10}

CRACKED_STIFFNESS = 0.7
"""What a crack leaves of a housing's stiffness; frequencies fall with its root."""

MODE_RANGES_HZ = ((150, 350), (350, 800), (900, 2100), (2100, 5000))
"""Where the modes of a product's housing lie, one in each range."""

SLIP = 0.01
"""How far a ball is early or late, as a share of the time between two knocks."""

FLUTTER, FLUTTER_HZ = 0.002, 1.3
"""Share by which the speed goes up and down, and how often."""


def shaft_hz(unit: Unit) -> float:
    """Return turns a second."""
    return unit.speed_rpm / 60


def passing_hz(unit: Unit) -> float:
    """Return how often a second a blade, vane or tooth passes."""
    return unit.product.elements * shaft_hz(unit)


def outer_race_hz(bearing: Bearing, turns_hz: float) -> float:
    """Return how often a second a ball passes one place of the outer race."""
    slimness = bearing.ball_mm / bearing.pitch_mm * cos(radians(bearing.angle_deg))
    return bearing.balls / 2 * turns_hz * (1 - slimness)


def shaft_angle(unit: Unit, times: Signal, *, start: float) -> Signal:
    """Return the shaft's angle at `times` in radians; its speed flutters a little."""
    wobble = FLUTTER / (2 * pi * FLUTTER_HZ) * np.sin(2 * pi * FLUTTER_HZ * times + start)
    return start + 2 * pi * shaft_hz(unit) * (times + wobble)


def modes_hz(unit: Unit) -> list[float]:
    """Return where the housing rings, the lowest first: its product's modes, as it was built.

    The larger it is the lower they are, and lower still where it is cracked.
    """
    random = np.random.default_rng([SEED, *unit.product.code.encode()])
    stiffness = CRACKED_STIFFNESS if unit.defect == "crack" else 1.0
    built = unit.product.length_mm / unit.length_mm * sqrt(stiffness)
    return [built * float(low * (high / low) ** random.random()) for low, high in MODE_RANGES_HZ]


def mount_response(unit: Unit, frequency_hz: float) -> float:
    """Return r²/√((1 − r²)² + (2ζr)²): displacement on the mount per eccentricity."""
    stiffness = CRACKED_STIFFNESS if unit.defect == "crack" else 1.0
    ratio = frequency_hz / (MOUNT_HZ[unit.mount] * sqrt(stiffness))
    return ratio**2 / sqrt((1 - ratio**2) ** 2 + (2 * MOUNT_DAMPING[unit.mount] * ratio) ** 2)


def knocks(
    times: Signal, *, rate_hz: float, every_hz: float, random: np.random.Generator
) -> Signal:
    """Return a train of impulses, `every_hz` a second, in a signal of `rate_hz` samples a second.

    Each comes up to some `SLIP` early or late, and is of a strength of its own.
    """
    train = np.zeros_like(times)
    for moment in _moments(times[-1], every_hz=every_hz, random=random):
        train[min(round(moment * rate_hz), len(train) - 1)] += random.uniform(0.8, 1.2)
    return train


def _moments(end_s: float, *, every_hz: float, random: np.random.Generator) -> Iterator[float]:
    moment = random.uniform(0, 1 / every_hz)
    while moment < end_s:
        yield moment
        moment += (1 + SLIP * random.standard_normal()) / every_hz


def ringing(impulses: Signal, *, rate_hz: float, resonance_hz: float, decay_s: float) -> Signal:
    """Return how a resonance answers impulses: a sine that dies away to 1/e in `decay_s`."""
    shrink = np.exp(-1 / (decay_s * rate_hz))
    turn = 2 * pi * resonance_hz / rate_hz
    rung: Signal = lfilter([0, np.sin(turn)], [1, -2 * shrink * np.cos(turn), shrink**2], impulses)
    return rung
