"""From a sound file to a clip at the encoder's rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import soundfile
import torch
from spaner_core import UnusableInput, fingerprint_options
from torch import Tensor
from torchaudio.functional import resample

from spaner_audio.options import FRAME_SAMPLES, RATE_HZ, EncoderOptions

ALGORITHM_VERSION = 1
"""Raised whenever the same file would give another clip."""

SHORTEST_MS = 1000 * FRAME_SAMPLES / RATE_HZ

_WAV_LENGTHS = re.compile(r"^data : (\d+) \(should be (\d+)\)$", re.MULTILINE)
"""libsndfile's note that a WAV header promises another number of bytes than the file holds."""

_UNKNOWN_LENGTH = 0x7FFF0000
"""Programs that write WAV to a pipe promise this or more: they cannot know the length."""


@dataclass(frozen=True, kw_only=True)
class Waveform:
    """One channel of sound: `samples` (T,) float32 at `rate_hz`."""

    samples: Tensor
    rate_hz: int


class ClipTransform:
    """Reads sound files; a sample is a `Waveform`, an encoder input a tensor (T,)."""

    def __init__(self, options: EncoderOptions) -> None:
        self.fingerprint = fingerprint_options("audio/clip", ALGORITHM_VERSION, options)

    def decode(self, source: Path | str) -> Waveform:
        """Read one file; several channels are averaged to one."""
        try:
            with soundfile.SoundFile(source) as file:
                samples = torch.from_numpy(file.read(dtype="float32", always_2d=True))
                promised, rate_hz = _promised_frames(file), int(file.samplerate)
        except (soundfile.LibsndfileError, OSError) as error:
            raise UnusableInput(
                f"the recording cannot be read ({error}); expected a whole WAV, FLAC, OGG or MP3 "
                "file; check or export it again"
            ) from error
        if len(samples) < promised:
            raise UnusableInput(
                f"the recording holds {len(samples)} of {promised} samples; expected all of them; "
                "the file was cut off, copy or export it again"
            )
        _check(samples, rate_hz)
        return Waveform(samples=samples.mean(dim=1), rate_hz=rate_hz)

    def prepare(self, sample: Waveform) -> list[Tensor]:
        """Resample to the encoder's rate; a recording is one window."""
        return [resample(sample.samples, sample.rate_hz, RATE_HZ)]


def _promised_frames(file: soundfile.SoundFile) -> int:
    """Return how many frames the file's header promises, so that a cut-off file is noticed."""
    note = _WAV_LENGTHS.search(file.extra_info)
    if note is None or int(note[1]) >= _UNKNOWN_LENGTH:
        return int(file.frames)
    # both lengths are bytes; frames were counted from what is there
    return max(int(file.frames), int(file.frames) * int(note[1]) // max(int(note[2]), 1))


def _check(samples: Tensor, rate_hz: int) -> None:
    length_ms = 1000 * len(samples) / rate_hz
    if length_ms < SHORTEST_MS:
        raise UnusableInput(
            f"the recording is {length_ms:.1f} ms long; expected at least {SHORTEST_MS:.1f} ms; "
            "record or cut a longer one"
        )
    broken = ~torch.isfinite(samples).all(dim=1)  # (T,)
    if broken.any():
        raise UnusableInput(
            f"the recording is NaN or infinite at {int(broken.int().argmax()) / rate_hz:.3f} s; "
            "expected finite samples; export it again"
        )
