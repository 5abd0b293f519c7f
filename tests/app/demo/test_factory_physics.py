"""What the factory project's recordings and photos owe to physics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, hilbert, sosfiltfilt
from spaner.demo.factory import sounds, vibration
from spaner.demo.factory.photos import photo
from spaner.demo.factory.products import PRODUCTS, Bearing, Product
from spaner.demo.factory.rotation import (
    Signal,
    modes_hz,
    mount_response,
    outer_race_hz,
    passing_hz,
    shaft_hz,
)
from spaner.demo.factory.units import Unit, draw_units

FAMILIES = PRODUCTS[:8]


def healthy(product: Product, **changes: object) -> Unit:
    """A unit of the product under full load, on rigid feet, healthy but for `changes`."""
    drawn = draw_units([product], units_each=1)[0]
    return replace(
        drawn, **{"defect": "none", "load": "full load", "mount": "rigid feet", **changes}
    )


def level(signal: Signal, frequency_hz: float, *, rate_hz: float, within: float = 0.02) -> float:
    """The strongest line within a share of a frequency, against the median around it."""
    power = np.abs(np.fft.rfft(signal * np.hanning(len(signal)))) ** 2
    lines = np.fft.rfftfreq(len(signal), 1 / rate_hz)
    reach = max(within * frequency_hz, 2.0)
    near = np.abs(lines - frequency_hz) <= reach
    around = (np.abs(lines - frequency_hz) < 20 * reach) & ~near
    return float(power[near].max() / np.median(power[around]))


def envelope(signal: Signal, band: tuple[float, float], *, rate_hz: float) -> Signal:
    filtered = sosfiltfilt(butter(4, band, "bandpass", fs=rate_hz, output="sos"), signal)
    found: Signal = np.abs(hilbert(filtered)) ** 2
    return found - found.mean()


def test_balls_pass_the_outer_race_as_often_as_the_books_say() -> None:
    # 9 balls of 7.94 mm on 39.04 mm: 3.585 a turn is what data sheets of that bearing state
    assert outer_race_hz(Bearing(9, 7.94, 39.04, 0.0), 1.0) == pytest.approx(3.585, abs=0.001)
    flat, steep = Bearing(12, 9, 50, 0.0), Bearing(12, 9, 50, 40.0)
    assert outer_race_hz(flat, 30.0) < outer_race_hz(steep, 30.0) < 12 / 2 * 30.0


@pytest.mark.parametrize("product", FAMILIES, ids=lambda product: product.code)
def test_blades_and_teeth_are_heard_where_they_pass(product: Product) -> None:
    unit = healthy(product)
    assert passing_hz(unit) == pytest.approx(product.elements * unit.speed_rpm / 60)
    assert level(sounds.sound(unit), passing_hz(unit), rate_hz=sounds.RATE_HZ) > 30


@pytest.mark.parametrize(
    ("recorded", "band", "rate_hz"),
    [
        (sounds.sound, (2_000, 5_500), sounds.RATE_HZ),
        (lambda unit: vibration.vibration(unit)[:, 1], (550, 900), vibration.RATE_HZ),
    ],
    ids=["sound", "vibration"],
)
@pytest.mark.parametrize("product", FAMILIES[1:6], ids=lambda product: product.code)
def test_a_damaged_race_knocks_in_the_envelope(
    product: Product,
    recorded: Callable[[Unit], Signal],
    band: tuple[float, float],
    rate_hz: float,
) -> None:
    whole, damaged = (healthy(product, defect=name) for name in ("none", "outer race fault"))
    often = outer_race_hz(product.bearing, shaft_hz(damaged))
    heard, quiet = (
        level(envelope(recorded(unit), band, rate_hz=rate_hz), often, rate_hz=rate_hz)
        for unit in (damaged, whole)
    )
    assert heard > 50
    assert heard > 3 * quiet


def amplitudes(unit: Unit, multiple: int) -> Signal:
    """The strength (3,) of each axis at a multiple of the shaft's frequency."""
    steps = vibration.vibration(unit)
    times = np.arange(len(steps)) / vibration.RATE_HZ
    wave = np.exp(-2j * np.pi * multiple * shaft_hz(unit) * times) * np.hanning(len(steps))
    return np.abs(wave @ steps)


@pytest.mark.parametrize("product", FAMILIES, ids=lambda product: product.code)
def test_imbalance_shakes_once_a_turn_and_misalignment_twice_along_the_shaft(
    product: Product,
) -> None:
    whole, unbalanced, misaligned = (
        healthy(product, defect=name, mount="rubber feet")
        for name in ("none", "imbalance", "misalignment")
    )
    assert amplitudes(unbalanced, 1)[0] > 2 * amplitudes(whole, 1)[0]
    assert amplitudes(misaligned, 2)[2] > 2 * amplitudes(whole, 2)[2]


def test_a_mount_answers_as_a_damped_spring_does() -> None:
    unit = healthy(PRODUCTS[0], mount="rubber feet")
    far, at, below = (mount_response(unit, hertz) for hertz in (1_200.0, 12.0, 1.2))
    assert far == pytest.approx(1, abs=0.01), "a free mass moves as far as it is eccentric"
    assert at == pytest.approx(1 / (2 * 0.18)), "damping alone holds it at its own frequency"
    assert below < 0.011, "the spring holds it"


def test_a_crack_lowers_what_rings() -> None:
    whole, cracked = (healthy(PRODUCTS[3], defect=name) for name in ("none", "crack"))
    assert np.array(modes_hz(cracked)) == pytest.approx(np.sqrt(0.7) * np.array(modes_hz(whole)))


def test_units_turn_with_their_supply() -> None:
    for unit in draw_units(PRODUCTS, units_each=3):
        nominal = unit.product.speed_rpm * unit.supply_hz / 50
        assert unit.speed_rpm == pytest.approx(nominal, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "few", "many"),
    [
        ({"defect": "scratch"}, 0.001, 0.08),
        ({"defect": "crack"}, 0.001, 0.08),
        ({"box_side": "top"}, 0.01, 0.35),
        ({"mount": "flange"}, 0.02, 1.0),
        ({"colour": "orange"}, 0.05, 0.6),
    ],
    ids=str,
)
def test_a_photo_shows_what_is_the_units_own(
    changes: dict[str, str], few: float, many: float
) -> None:
    unit = healthy(PRODUCTS[3], colour="blue", box_side="left")
    plain, other = (
        np.asarray(photo(one, "a"), dtype=float) for one in (unit, replace(unit, **changes))
    )
    share = (np.abs(plain - other).max(axis=-1) > 40).mean()
    assert few < share < many


def test_two_photos_of_a_unit_are_taken_apart() -> None:
    unit = healthy(PRODUCTS[0])
    first, second = (np.asarray(photo(unit, view), dtype=float) for view in "ab")
    assert np.abs(first - second).mean() > 15
