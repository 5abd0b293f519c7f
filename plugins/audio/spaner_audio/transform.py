"""Turns a sound file, whole or without parts, into encoder inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from spaner_core import Part, Source, fingerprint_options, stretches, window_starts
from torch import Tensor

from spaner_audio.encoders.preparation import Preparation, Window, WindowSize
from spaner_audio.options import FRAME_SAMPLES, RATE_HZ, LogMelOptions
from spaner_audio.reading.objects import take_waveform
from spaner_audio.reading.recordings import Waveform, check_recording, read_recording
from spaner_audio.reading.resampling import at_rate, at_rate_in_parts

CLIP_VERSION = 1
"""Raised whenever the same file would give another clip."""

WINDOWS_VERSION = 1
"""Raised whenever the same file would give other windows."""

SHORTEST_CLIP_S = FRAME_SAMPLES / RATE_HZ
MOST_PARTS = 20


class _RecordingTransform:
    """Reads recordings of at least `shortest_s` seconds; a sample is a `Waveform`."""

    def __init__(self, *, shortest_s: float, fingerprint: str) -> None:
        self._shortest_s = shortest_s
        self.fingerprint = fingerprint

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
        """Return stretches of a round length; the last one ends where the recording does."""
        cut = stretches(len(sample.samples), rate_hz=sample.rate_hz, most=MOST_PARTS)
        return [Part(each.label, (each.start, each.end)) for each in cut]

    def without(self, sample: Waveform, part: Part) -> Waveform:
        """Return a copy that is silent within a part."""
        start, end = part.place
        samples = sample.samples.clone()
        samples[start:end] = 0
        return replace(sample, samples=samples)


class ClipTransform(_RecordingTransform):
    """Reads recordings for `logmel`; each is one encoder input, a clip (T,)."""

    def __init__(self, options: LogMelOptions) -> None:
        fingerprint = fingerprint_options("audio/clip", CLIP_VERSION, options)
        super().__init__(shortest_s=SHORTEST_CLIP_S, fingerprint=fingerprint)

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


class WindowTransform(_RecordingTransform):
    """Reads recordings for a pretrained model, in overlapping windows as the model takes them."""

    def __init__(self, preparation: Preparation, size: WindowSize) -> None:
        self._preparation = preparation
        self._size = size
        described = _Described(
            rate_hz=preparation.rate_hz,
            window=size.length,
            hop=size.hop,
            preparation=preparation.settings,
        )
        super().__init__(
            shortest_s=preparation.shortest / preparation.rate_hz,
            fingerprint=fingerprint_options("audio/windows", WINDOWS_VERSION, described),
        )

    def prepare(self, sample: Waveform) -> list[Window]:
        """Resample to the model's rate and cut into windows, the last one to the end."""
        rate_hz = self._preparation.rate_hz
        samples = at_rate_in_parts(sample.samples, sample.rate_hz, target_hz=rate_hz)
        length, hop = self._size
        starts = window_starts(len(samples), window=length, hop=hop)
        parts = [samples[start : start + length] for start in starts]
        return [Window(self._preparation.values(part), len(part)) for part in parts]
