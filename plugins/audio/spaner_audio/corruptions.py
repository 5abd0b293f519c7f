"""Corrupts recordings: noise, reverberation, a narrow band."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import torch
from spaner_core import strength_of
from torch import Tensor
from torch.nn import functional
from torchaudio.functional import add_noise, fftconvolve

from spaner_audio.reading.recordings import Waveform

SNR_DB = (20.0, 15.0, 10.0, 5.0, 0.0)
"""Signal-to-noise ratios of `noise`, severities 1 to 5."""

T60_S = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Reverberation times of `reverberation`, severities 1 to 5."""

BANDS_HZ = (
    (100.0, 6000.0),
    (200.0, 4500.0),
    (300.0, 3400.0),
    (500.0, 2400.0),
    (800.0, 1600.0),
)
"""Lower and upper cut-off of `band-limit`, severities 1 to 5; the third is the telephone's."""

FILTER_ORDER = 8
"""Of both cut-offs: 48 dB an octave, a little more than a telephone has."""

_SMALLEST = torch.finfo(torch.float32).tiny
_LARGEST = torch.finfo(torch.float32).max

StrengthT = TypeVar("StrengthT")


@dataclass(frozen=True, kw_only=True)
class WaveformCorruption(Generic[StrengthT]):
    """A named disturbance of recordings, with a strength for each of the severities 1 to 5.

    `disturb` is given a recording whose loudest sample is at 1, a strength and what to draw from,
    and returns new samples (T,). A corruption is therefore the same however loud a recording is.
    """

    name: str
    strengths: tuple[StrengthT, ...]
    disturb: Callable[[Waveform, StrengthT, torch.Generator], Tensor]

    def apply(self, sample: Waveform, *, severity: int, seed: int) -> Waveform:
        """Return a disturbed copy, as long as `sample`, at its rate, finite and never clipped.

        Raises `ValueError` where `severity` is not 1 to 5.
        """
        strength = strength_of(severity, self.strengths)
        peak = sample.samples.abs().max().clamp_min(_SMALLEST)  # silence stays silence
        heard = replace(sample, samples=sample.samples / peak)
        disturbed = self.disturb(heard, strength, torch.Generator().manual_seed(seed)) * peak
        return replace(sample, samples=disturbed.clamp(-_LARGEST, _LARGEST))


def with_noise(sound: Waveform, snr_db: float, random: torch.Generator) -> Tensor:
    """Add white noise at this signal-to-noise ratio.

    It is that of the whole recording, pauses and all frequencies that its rate can hold.
    """
    noise = torch.randn(sound.samples.shape, generator=random)
    noisy: Tensor = add_noise(sound.samples, noise, torch.tensor(snr_db))
    return noisy


def with_reverberation(sound: Waveform, t60_s: float, random: torch.Generator) -> Tensor:
    """Let sound die away by 60 dB in this time, as in a room or a hall.

    The room's impulse response is white noise that decays exponentially, without direct sound.
    What rings on after the end is cut off; the recording is as loud as before (root mean square).
    """
    length = min(math.ceil(t60_s * sound.rate_hz), len(sound.samples))
    decay = 10 ** (-3 / (t60_s * sound.rate_hz) * torch.arange(length))  # 60 dB: a thousandth
    response = decay * torch.randn(length, generator=random)
    silence = _fourier_size(len(sound.samples) + length) + 1 - len(sound.samples) - length
    whole: Tensor = fftconvolve(sound.samples, functional.pad(response, (0, silence)))
    reverberant = whole[: len(sound.samples)]
    return reverberant * (_loudness(sound.samples) / _loudness(reverberant).clamp_min(_SMALLEST))


def band_limited(sound: Waveform, band_hz: tuple[float, float], _: torch.Generator) -> Tensor:
    """Keep the sound between two cut-offs, as a telephone does.

    A Butterworth filter without delay: 3 dB are lost at the cut-offs, 48 dB an octave beyond. It
    is applied to the spectrum, where a cut-off may lie beyond what the rate can hold and no rate
    makes it unstable, as happens to the recursive filters of torchaudio, which clip besides.
    """
    lower, upper = band_hz
    size = _fourier_size(len(sound.samples) + sound.rate_hz)  # the end rings into silence
    pitch_hz = torch.fft.rfftfreq(size, d=1 / sound.rate_hz)
    below = (pitch_hz / lower).pow(-2 * FILTER_ORDER)  # infinite at 0 Hz, which is lost
    above = (pitch_hz / upper).pow(2 * FILTER_ORDER)
    gain = (1 + below + above).rsqrt()
    limited: Tensor = torch.fft.irfft(torch.fft.rfft(sound.samples, n=size) * gain, n=size)
    return limited[: len(sound.samples)]


def _fourier_size(samples: int) -> int:
    """Return a power of two above `samples`: other sizes may take five times as long."""
    return 1 << samples.bit_length()


def _loudness(samples: Tensor) -> Tensor:
    """Return the root mean square (,)."""
    return samples.square().mean().sqrt()


CORRUPTIONS: tuple[WaveformCorruption[Any], ...] = (
    WaveformCorruption(name="noise", strengths=SNR_DB, disturb=with_noise),
    WaveformCorruption(name="reverberation", strengths=T60_S, disturb=with_reverberation),
    WaveformCorruption(name="band-limit", strengths=BANDS_HZ, disturb=band_limited),
)
