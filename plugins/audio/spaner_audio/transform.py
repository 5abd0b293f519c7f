"""Turns a sound file into what an encoder takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spaner_core import Part, Source, fingerprint_options, window_starts
from torch import Tensor

from spaner_audio.objects import take_waveform
from spaner_audio.options import FRAME_SAMPLES, RATE_HZ, LogMelOptions
from spaner_audio.parts import silence, waveform_parts
from spaner_audio.preparation import Preparation, Window, WindowSize
from spaner_audio.recordings import Waveform, check_recording, read_recording
from spaner_audio.resampling import at_rate, at_rate_in_parts

CLIP_VERSION = 1
"""Raised whenever the same file would give another clip."""

WINDOWS_VERSION = 1
"""Raised whenever the same file would give other windows."""

SHORTEST_CLIP_S = FRAME_SAMPLES / RATE_HZ


class ClipTransform:
    """Reads recordings for `logmel`; each is one encoder input, a clip (T,)."""

    def __init__(self, options: LogMelOptions) -> None:
        self.fingerprint = fingerprint_options("audio/clip", CLIP_VERSION, options)

    def check_header(self, source: Source) -> None:
        """Raise `UnusableInput` where a file's header shows that it cannot be used."""
        check_recording(source, shortest_s=SHORTEST_CLIP_S)

    def decode(self, source: Source) -> Waveform:
        """Read one recording; raises `UnusableInput` with the reason where it cannot be used."""
        return read_recording(source, shortest_s=SHORTEST_CLIP_S)

    def take(self, value: object) -> Waveform | None:
        """Take samples with their rate in Hz; None for other objects. Raises `UnusableInput`."""
        return take_waveform(value, shortest_s=SHORTEST_CLIP_S)

    def parts(self, sample: Waveform) -> list[Part]:
        """Return stretches of time."""
        return waveform_parts(sample)

    def without(self, sample: Waveform, part: Part) -> Waveform:
        """Return a copy that is silent within a part."""
        return silence(sample, part)

    def prepare(self, sample: Waveform) -> list[Tensor]:
        """Resample to the encoder's rate; a recording is one window."""
        return [at_rate(sample.samples, sample.rate_hz, target_hz=RATE_HZ)]


@dataclass(frozen=True, kw_only=True)
class _Described:
    """All that decides what `WindowTransform` prepares."""

    rate_hz: int
    window: int
    hop: int
    preparation: Mapping[str, Any]


class WindowTransform:
    """Reads recordings for a pretrained model, in overlapping windows as the model takes them."""

    def __init__(self, preparation: Preparation, size: WindowSize) -> None:
        self._preparation = preparation
        self._size = size
        self._shortest_s = preparation.shortest / preparation.rate_hz
        described = _Described(
            rate_hz=preparation.rate_hz,
            window=size.length,
            hop=size.hop,
            preparation=preparation.settings,
        )
        self.fingerprint = fingerprint_options("audio/windows", WINDOWS_VERSION, described)

    def check_header(self, source: Source) -> None:
        """Raise `UnusableInput` where a file's header shows that it cannot be used."""
        check_recording(source, shortest_s=self._shortest_s)

    def decode(self, source: Source) -> Waveform:
        """Read one recording; raises `UnusableInput` with the reason where it cannot be used."""
        return read_recording(source, shortest_s=self._shortest_s)

    def take(self, value: object) -> Waveform | None:
        """Take samples with their rate in Hz; None for other objects. Raises `UnusableInput`."""
        return take_waveform(value, shortest_s=self._shortest_s)

    def parts(self, sample: Waveform) -> list[Part]:
        """Return stretches of time."""
        return waveform_parts(sample)

    def without(self, sample: Waveform, part: Part) -> Waveform:
        """Return a copy that is silent within a part."""
        return silence(sample, part)

    def prepare(self, sample: Waveform) -> list[Window]:
        """Resample to the model's rate and cut into windows, the last one to the end."""
        rate_hz = self._preparation.rate_hz
        samples = at_rate_in_parts(sample.samples, sample.rate_hz, target_hz=rate_hz)
        length, hop = self._size
        starts = window_starts(len(samples), window=length, hop=hop)
        parts = [samples[start : start + length] for start in starts]
        return [Window(self._preparation.values(part), len(part)) for part in parts]
