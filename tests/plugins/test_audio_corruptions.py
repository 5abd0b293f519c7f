"""What the audio plugin's corruptions do to a recording, measured."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_audio import spaner_corruptions
from spaner_audio.reading.recordings import Waveform
from torch import Tensor

README = Path(__file__).parents[2] / "plugins" / "audio" / "README.md"
CORRUPTIONS = {corruption.name: corruption for corruption in spaner_corruptions()}
SEVERITIES = (1, 2, 3, 4, 5)
WITHOUT_CHANCE = {"band-limit"}
"""Corruptions that draw nothing, and so are the same for every seed."""
RATE_HZ = 16_000


def hiss(length: int, *, rate_hz: int = RATE_HZ) -> Waveform:
    """Synthetic white noise: all frequencies, for what a filter does to each."""
    samples = torch.randn(length, generator=torch.Generator().manual_seed(7))
    return Waveform(samples=0.1 * samples, rate_hz=rate_hz)


def tone(length: int, *, level: float = 0.3) -> Waveform:
    samples = level * torch.sin(torch.arange(length) * 0.2)
    return Waveform(samples=samples, rate_hz=RATE_HZ)


def click(length: int, *, place: int, rate_hz: int = RATE_HZ) -> Waveform:
    samples = torch.zeros(length)
    samples[place] = 0.5
    return Waveform(samples=samples, rate_hz=rate_hz)


def decibels(ratio: Tensor | float) -> float:
    return float(10 * torch.as_tensor(ratio).log10())


def energy_near(sound: Waveform, pitch_hz: float) -> Tensor:
    """Energy within 2% of a pitch."""
    faded = sound.samples.double() * torch.hann_window(len(sound.samples), dtype=torch.float64)
    spectrum = torch.fft.rfft(faded)
    pitches = torch.fft.rfftfreq(len(sound.samples), d=1 / sound.rate_hz)
    return spectrum[(pitches / pitch_hz - 1).abs() < 0.02].abs().square().sum()


def energy_of_quarters(samples: Tensor) -> Tensor:
    """Share of energy in each quarter (4,) of all that the rate can hold."""
    energy = torch.fft.rfft(samples)[: len(samples) // 8 * 4].abs().square()
    return energy.reshape(4, -1).sum(dim=1) / energy.sum()


def test_names_are_plain_and_in_the_order_of_the_table() -> None:
    assert list(CORRUPTIONS) == ["noise", "reverberation", "band-limit"]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_table_in_the_readme_says_how_strong_each_severity_is(name: str) -> None:
    rows = re.findall(rf"^\| `{name}` \|(.*)\|", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == 1, f"{name}: give it a line of the table in plugins/audio/README.md"
    stated = [cell.strip() for cell in rows[0].split("|")[:5]]
    strengths = [s if isinstance(s, tuple) else (s,) for s in CORRUPTIONS[name].strengths]
    assert stated == ["-".join(f"{value:g}" for value in strength) for strength in strengths]


@pytest.mark.parametrize(("severity", "snr_db"), [(1, 20), (2, 15), (3, 10), (4, 5), (5, 0)])
def test_noise_has_the_signal_to_noise_ratio_of_its_severity(severity: int, snr_db: float) -> None:
    sound = tone(8000)
    noise = CORRUPTIONS["noise"].apply(sound, severity=severity, seed=0).samples - sound.samples
    measured = decibels(sound.samples.square().sum() / noise.square().sum())
    assert measured == pytest.approx(snr_db, abs=0.5)


def test_noise_is_white() -> None:
    sound = tone(32_000)
    noise = CORRUPTIONS["noise"].apply(sound, severity=3, seed=0).samples - sound.samples
    assert (energy_of_quarters(noise) - 0.25).abs().max() < 0.02


@pytest.mark.parametrize(("severity", "t60_s"), [(1, 0.2), (2, 0.4), (3, 0.8), (4, 1.6), (5, 3.2)])
@pytest.mark.parametrize("rate_hz", [8000, 44_100])
def test_reverberation_dies_away_in_the_time_of_its_severity(
    severity: int, t60_s: float, rate_hz: int
) -> None:
    sound = click(int(1.2 * t60_s * rate_hz), place=0, rate_hz=rate_hz)
    heard = CORRUPTIONS["reverberation"].apply(sound, severity=severity, seed=0).samples.double()
    left = heard.square().flip(0).cumsum(0).flip(0)  # Schroeder: the energy still to come
    fallen_db = 10 * (left / left[0]).log10()
    at_5, at_35 = (int((fallen_db < -fall).int().argmax()) for fall in (5, 35))
    assert 2 * (at_35 - at_5) / rate_hz == pytest.approx(t60_s, rel=0.1)


def test_a_room_favours_no_pitch() -> None:
    heard = CORRUPTIONS["reverberation"].apply(click(32_000, place=0), severity=5, seed=0).samples
    assert (energy_of_quarters(heard) - 0.25).abs().max() < 0.03


@pytest.mark.parametrize("severity", SEVERITIES)
def test_reverberation_keeps_loudness_and_begins_with_the_sound(severity: int) -> None:
    sound = click(4000, place=1000)
    heard = CORRUPTIONS["reverberation"].apply(sound, severity=severity, seed=0).samples
    assert heard.square().mean() == pytest.approx(float(sound.samples.square().mean()), rel=1e-4)
    assert heard[:1000].abs().max() < 1e-4 * heard.abs().max()
    assert heard[1001:].abs().max() > 0.1 * heard.abs().max()


@pytest.mark.parametrize(
    ("severity", "lower_hz", "upper_hz"),
    [(1, 100, 6000), (2, 200, 4500), (3, 300, 3400), (4, 500, 2400), (5, 800, 1600)],
)
def test_a_band_is_kept_and_what_lies_an_octave_beyond_is_lost(
    severity: int, lower_hz: float, upper_hz: float
) -> None:
    sound = hiss(96_000, rate_hz=32_000)
    limited = CORRUPTIONS["band-limit"].apply(sound, severity=severity, seed=0)

    def change_db(pitch_hz: float) -> float:
        return decibels(energy_near(limited, pitch_hz) / energy_near(sound, pitch_hz))

    assert change_db((lower_hz * upper_hz) ** 0.5) == pytest.approx(0, abs=0.2)
    assert change_db(lower_hz) == pytest.approx(-3, abs=0.7)
    assert change_db(upper_hz) == pytest.approx(-3, abs=0.7)
    assert change_db(lower_hz / 2) == pytest.approx(-48, abs=4)
    assert change_db(upper_hz * 2) == pytest.approx(-48, abs=4)


def test_a_narrow_band_delays_nothing_and_does_not_ring_from_the_end_into_the_beginning() -> None:
    for place in (2000, 3999):
        limited = CORRUPTIONS["band-limit"].apply(click(4000, place=place), severity=5, seed=0)
        assert int(limited.samples.abs().argmax()) == place
    assert limited.samples[:1000].abs().max() < 1e-4 * limited.samples.abs().max()


def test_cut_offs_that_a_low_rate_cannot_hold_take_nothing_more() -> None:
    sound = hiss(8000, rate_hz=4000)
    limited = CORRUPTIONS["band-limit"].apply(sound, severity=3, seed=0)
    assert decibels(energy_near(limited, 1900) / energy_near(sound, 1900)) > -0.1


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize(
    "sound",
    [
        Waveform(samples=torch.tensor([0.5]), rate_hz=RATE_HZ),
        Waveform(samples=torch.tensor([0.0, -1.0]), rate_hz=8000),
        Waveform(samples=torch.zeros(4000), rate_hz=RATE_HZ),
        Waveform(samples=torch.ones(4000), rate_hz=RATE_HZ),
        Waveform(samples=torch.full((400,), 1e-40), rate_hz=RATE_HZ),
        tone(4000, level=3e38),
        hiss(50, rate_hz=1),
        hiss(5000, rate_hz=100),
        hiss(5000, rate_hz=768_000),
    ],
    ids=["1 sample", "2", "silent", "constant", "faint", "huge", "1 Hz", "100 Hz", "768 kHz"],
)
def test_odd_recordings_stay_whole_and_finite(name: str, sound: Waveform) -> None:
    for severity in SEVERITIES:
        given = CORRUPTIONS[name].apply(sound, severity=severity, seed=3)
        assert given.rate_hz == sound.rate_hz
        assert given.samples.dtype == torch.float32
        assert given.samples.shape == sound.samples.shape
        assert torch.isfinite(given.samples).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_silence_stays_silence(name: str) -> None:
    silence = Waveform(samples=torch.zeros(4000), rate_hz=RATE_HZ)
    assert not CORRUPTIONS[name].apply(silence, severity=5, seed=0).samples.any()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_the_same_however_loud_a_recording_is(name: str) -> None:
    quiet, loud = (
        CORRUPTIONS[name].apply(tone(4000, level=level), severity=5, seed=0).samples / level
        for level in (1e-20, 1e20)
    )
    torch.testing.assert_close(quiet, loud, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_only_the_seed_decides_what_chance_plays(name: str) -> None:
    sound = tone(4000)
    known = sound.samples.clone()
    torch.manual_seed(0)
    first = CORRUPTIONS[name].apply(sound, severity=2, seed=5).samples
    torch.manual_seed(1)
    again, other = (CORRUPTIONS[name].apply(sound, severity=2, seed=s).samples for s in (5, 6))
    assert torch.equal(first, again)
    assert torch.equal(first, other) == (name in WITHOUT_CHANCE), (
        f"{name}: let it draw from the seed, or name it in WITHOUT_CHANCE"
    )
    assert torch.equal(sound.samples, known)


@pytest.mark.parametrize("severity", [0, 6])
def test_there_are_five_severities(severity: int) -> None:
    with pytest.raises(ValueError, match="severity"):
        CORRUPTIONS["noise"].apply(tone(100), severity=severity, seed=0)


def test_corrupted_recordings_of_any_rate_give_finite_features(load: Callable[[str], Any]) -> None:
    encoder, transform = load("audio").build()
    for corruption in CORRUPTIONS.values():
        for sound in (hiss(200, rate_hz=8000), hiss(9600, rate_hz=192_000)):
            disturbed = corruption.apply(sound, severity=5, seed=0)
            tokens, _ = encoder(encoder.collate(transform.prepare(disturbed)))
            assert torch.isfinite(tokens).all()
