"""Reading sound files: what their headers say, then all samples as one channel."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import soundfile
import torch
from spaner_core import UnusableInput
from torch import Tensor

from spaner_audio.containers import name_container

LONGEST_S = 3600.0
"""Longest recording that is read: one vector says little of more, and all of it is in memory."""

BLOCK_VALUES = 2**22
"""Samples of all channels that are decoded at a time."""

FULL_SCALE = 0.9999
"""Samples from here on are as loud as integers go."""

CLIPPED_SHARE = 0.01
"""Of a recording that was not clipped, less lies within flat stretches at full scale."""

_LENGTHS = re.compile(r"^ *(?:data|SSND|Data Size) *: (\d+) \(should be (\d+)\)$", re.MULTILINE)
"""libsndfile's note that a header (WAV, AIFF, AU) promises other bytes than the file holds."""

_UNKNOWN_LENGTH = 0x7FFF0000
"""Programs that write WAV to a pipe promise this or more: they cannot know the length."""

_UNKNOWN_FRAMES = 2**62
"""libsndfile says at least this of a FLAC stream whose header leaves the length open."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Waveform:
    """One channel of sound: `samples` (T,) float32 at `rate_hz`."""

    samples: Tensor
    rate_hz: int


def check_recording(source: Path | str, *, shortest_s: float) -> None:
    """Raise `UnusableInput` where a file's header shows that it cannot be used."""
    with _opened(source) as file:
        _check_header(file, shortest_s=shortest_s)


def read_recording(source: Path | str, *, shortest_s: float) -> Waveform:
    """Read one file, block by block; several channels are averaged to one.

    Raises `UnusableInput` where it cannot be read, is cut off, shorter than `shortest_s` or longer
    than `LONGEST_S` seconds, or holds NaN or infinite samples.
    """
    with _opened(source) as file:
        _check_header(file, shortest_s=shortest_s)
        samples, place = torch.empty(file.frames), 0
        for block in _blocks(file, source):
            samples[place : place + len(block)] = block.mean(dim=1)
            place += len(block)
        _check_whole(place, promised=file.frames)
        return Waveform(samples=samples, rate_hz=int(file.samplerate))


@contextmanager
def _opened(source: Path | str) -> Iterator[soundfile.SoundFile]:
    """Open a sound file by what it holds, whatever its name."""
    try:
        path = Path(source)
        if path.exists() and not path.is_file():  # reading a pipe or a device may never end
            raise UnusableInput(
                "the recording is a folder, a pipe or a device; expected a sound file; name one"
            )
        with path.open("rb") as handle, _sound_file(handle) as file:
            yield file
    except (soundfile.LibsndfileError, OSError, ValueError) as error:
        raise UnusableInput(
            f"the recording cannot be read ({_reason(error)}); expected a whole WAV, FLAC, OGG, "
            "MP3, AIFF or AU file; check or export it again"
        ) from error


def _sound_file(handle: BinaryIO) -> soundfile.SoundFile:
    """Hand an open file to libsndfile, which is told no name: not all names can be passed on."""
    try:
        return soundfile.SoundFile(handle.fileno(), closefd=False)
    except soundfile.LibsndfileError as error:
        handle.seek(0)
        container = name_container(handle.read(64))
        if container is None:
            raise
        raise UnusableInput(
            f"the recording is {container}, which is not read here; expected WAV, FLAC, OGG, MP3, "
            "AIFF or AU; convert it, for example with: ffmpeg -i INPUT OUTPUT.flac"
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string).strip().rstrip(".")
    return (isinstance(error, OSError) and error.strerror) or " ".join(str(error).split())


def _blocks(file: soundfile.SoundFile, source: Path | str) -> Iterator[Tensor]:
    """Yield all samples, (T, channels) at a time, all finite; say so where many are clipped."""
    size = max(1, BLOCK_VALUES // file.channels)
    place = clipped = 0
    while len(values := file.read(size, dtype="float32", always_2d=True)):
        block = torch.from_numpy(values)
        _check_finite(block, start_s=place / file.samplerate, rate_hz=file.samplerate)
        full = block.abs() >= FULL_SCALE
        clipped += int((full[:-2] & full[1:-1] & full[2:]).sum())
        place += len(block)
        yield block
    share = clipped / max(1, place * file.channels)
    if share > CLIPPED_SHARE:
        _logger.warning("%r: clipped for %.0f%% of its length", str(source), 100 * share)


def _check_header(file: soundfile.SoundFile, *, shortest_s: float) -> None:
    if file.frames >= _UNKNOWN_FRAMES:
        raise UnusableInput(
            "the recording's header does not say how long it is; expected a file that was written "
            "whole, not to a pipe; export it again"
        )
    _check_whole(file.frames, promised=_promised_frames(file))
    _check_length(file.frames / file.samplerate, shortest_s=shortest_s)


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


def _check_length(length_s: float, *, shortest_s: float) -> None:
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


def _check_finite(block: Tensor, *, start_s: float, rate_hz: int) -> None:
    broken = ~torch.isfinite(block).all(dim=1)  # (T,)
    if broken.any():
        place_s = start_s + int(broken.int().argmax()) / rate_hz
        raise UnusableInput(
            f"the recording is NaN or infinite at {place_s:.3f} s; expected finite samples; export "
            "it again"
        )
