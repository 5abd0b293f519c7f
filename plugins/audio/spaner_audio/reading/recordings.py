"""Reads sound files: headers first, then all samples as one channel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import soundfile
import torch
from spaner_core import Source, UnusableInput, describe_source, open_source, quiet_libraries
from torch import Tensor

from spaner_audio.reading.file_slice import FileSlice, read_at
from spaner_audio.reading.levels import Levels
from spaner_audio.reading.segments import Segment, find_segments, first_segment
from spaner_audio.recognition import name_container

LONGEST_S = 3600.0
"""Longest recording that is read: one vector says little of more, and all of it is in memory."""

BLOCK_VALUES = 2**22
"""Samples of all channels that are decoded at a time."""

_LENGTHS = re.compile(r"^ *(?:data|SSND|Data Size) *: (\d+) \(should be (\d+)\)$", re.MULTILINE)
"""libsndfile's note that a header (WAV, AIFF, AU) promises other bytes than the file holds."""

_UNKNOWN_LENGTH = 0x7FFF0000
"""Programs that write WAV to a pipe promise this or more: they cannot know the length."""

_UNKNOWN_FRAMES = 2**62
"""libsndfile says at least this of a FLAC stream whose header leaves the length open."""

_ESTIMATE = 2 * 1152
"""Samples by which libsndfile's estimate of an MP3 stream may fall short: two frames."""

_FLOATING = frozenset({"FLOAT", "DOUBLE"})
"""Kinds of samples that may be louder than full scale."""


@dataclass(frozen=True, kw_only=True)
class Waveform:
    """One channel of sound: `samples` (T,) float32 at `rate_hz`."""

    samples: Tensor
    rate_hz: int


def check_recording(source: Source, *, shortest_s: float) -> None:
    """Raise `UnusableInput` where a file's header shows that it cannot be used."""
    with _opened(source) as file:
        frames, rate_hz = _survey(file, [first_segment(file)])
        if frames < shortest_s * rate_hz:  # what was joined to it counts as well
            frames, rate_hz = _survey(file, list(find_segments(file)))
        check_length(frames / rate_hz, shortest_s=shortest_s)


def read_recording(source: Source, *, shortest_s: float) -> Waveform:
    """Read one file, block by block; several channels are averaged to one.

    Recordings that were joined into one file are read one behind the other. Raises `UnusableInput`
    where a file cannot be read, is cut off, shorter than `shortest_s` or longer than `LONGEST_S`
    seconds, changes its rate, holds NaN or infinite samples, or channels that cancel each other.
    """
    with _opened(source) as file:
        segments = list(find_segments(file))
        frames, rate_hz = _survey(file, segments)
        check_length(frames / rate_hz, shortest_s=shortest_s)
        samples, place, levels = torch.empty(frames), 0, Levels()
        for segment in segments:
            with _sound(file, segment) as sound:
                start = place
                for block in _blocks(sound, start=start):
                    average = block.mean(dim=1)
                    samples[place : place + len(block)] = average
                    levels.add(block, average, floating=sound.subtype in _FLOATING)
                    place += len(block)
                _check_whole(place - start, promised=sound.frames)
        levels.check()
        levels.warn(describe_source(source))
        return Waveform(samples=samples, rate_hz=rate_hz)


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    """Open an input, whatever its name; raise `UnusableInput` for what libsndfile raises."""
    try:
        with open_source(source) as file:
            yield file
    except (soundfile.LibsndfileError, OSError, ValueError) as error:
        raise UnusableInput(
            f"the recording cannot be read ({_reason(error)}); expected a whole WAV, FLAC, OGG, "
            "MP3, AIFF or AU file; check or export it again"
        ) from error


@contextmanager
def _sound(file: BinaryIO, segment: Segment) -> Iterator[soundfile.SoundFile]:
    """Hand a recording to libsndfile, as it is where its own length can be relied on."""
    size = file.seek(0, 2)
    if segment.samples is not None and (segment.start, segment.end) == (0, size):
        with _handed(file, FileSlice(file, start=0, end=size)) as sound:
            if segment.samples - _ESTIMATE <= sound.frames <= segment.samples:
                yield sound
                return
    with _handed(file, segment.view(file)) as sound:
        yield sound


@contextmanager
def _handed(file: BinaryIO, part: FileSlice) -> Iterator[soundfile.SoundFile]:
    try:
        with quiet_libraries():
            sound = soundfile.SoundFile(part)
    except soundfile.LibsndfileError as error:
        container = name_container(read_at(file, 0, 64))
        if container is None:
            raise
        raise UnusableInput(
            f"the recording is {container}, which is not read here; expected WAV, FLAC, OGG, MP3, "
            "AIFF or AU; convert it, for example with: ffmpeg -i INPUT OUTPUT.flac"
        ) from error
    with sound:
        yield sound


def _survey(file: BinaryIO, segments: Sequence[Segment]) -> tuple[int, int]:
    """Return the samples a channel that headers promise, and their rate in Hz."""
    frames, rates_hz = 0, []
    for segment in segments:
        with _sound(file, segment) as sound:
            _check_header(sound)
            frames += sound.frames
            rates_hz.append(sound.samplerate)
    if len(set(rates_hz)) > 1:
        raise UnusableInput(
            f"the file holds {len(rates_hz)} recordings, joined, at {min(rates_hz)} to "
            f"{max(rates_hz)} Hz; expected one rate; cut it apart, a row of the manifest each"
        )
    return frames, rates_hz[0]


def _reason(error: Exception) -> str:
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string).strip().rstrip(".")
    return (isinstance(error, OSError) and error.strerror) or " ".join(str(error).split())


def _blocks(sound: soundfile.SoundFile, *, start: int) -> Iterator[Tensor]:
    """Yield all samples, (T, channels) at a time, all finite; the first is number `start`."""
    size = max(1, BLOCK_VALUES // sound.channels)
    while True:
        with quiet_libraries():
            values = sound.read(size, dtype="float32", always_2d=True)
        if not len(values):
            return
        block = torch.from_numpy(values)
        check_finite(block, start_s=start / sound.samplerate, rate_hz=sound.samplerate)
        start += len(block)
        yield block


def _check_header(sound: soundfile.SoundFile) -> None:
    if sound.frames >= _UNKNOWN_FRAMES:
        raise UnusableInput(
            "the recording's header does not say how long it is; expected a file that was written "
            "whole, not to a pipe; export it again"
        )
    _check_whole(sound.frames, promised=_promised_frames(sound))


def _promised_frames(file: soundfile.SoundFile) -> int:
    """Return how many frames the file's header promises, so that a cut-off file is noticed."""
    note = _LENGTHS.search(file.extra_info)
    if note is None or int(note[1]) >= _UNKNOWN_LENGTH:
        return int(file.frames)
    # both lengths are bytes; frames were counted from what is there
    return max(int(file.frames), int(file.frames) * int(note[1]) // max(int(note[2]), 1))


def _check_whole(frames: int, *, promised: int) -> None:
    if frames < promised:
        raise UnusableInput(
            f"the recording holds {frames} of {promised} samples; expected all of them; "
            "the file was cut off, copy or export it again"
        )


def check_length(length_s: float, *, shortest_s: float) -> None:
    """Raise `UnusableInput` where a recording is too short or too long."""
    if length_s < shortest_s:
        raise UnusableInput(
            f"the recording is {1000 * length_s:.1f} ms long; expected at least "
            f"{1000 * shortest_s:.1f} ms; record or cut a longer one"
        )
    if length_s > LONGEST_S:
        raise UnusableInput(
            f"the recording is {length_s / 3600:.2f} hours long; expected at most "
            f"{LONGEST_S / 3600:g}; cut it into parts, a row of the manifest each"
        )


def check_finite(block: Tensor, *, start_s: float, rate_hz: int) -> None:
    """Raise `UnusableInput` where samples (T, channels), the first at `start_s`, are not finite."""
    broken = ~torch.isfinite(block).all(dim=1)  # (T,)
    if broken.any():
        place_s = start_s + int(broken.int().argmax()) / rate_hz
        raise UnusableInput(
            f"the recording is NaN or infinite at {place_s:.3f} s; expected finite samples; export "
            "it again"
        )
