"""Recordings whose headers do not tell all: joined files, unfinished ones, odd levels."""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from spaner_core import UnusableInput

RATE_HZ = 16_000

FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "flac": ("FLAC", "PCM_16"),
    "vorbis.ogg": ("OGG", "VORBIS"),
    "opus.ogg": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
}

ID3V1 = b"TAG" + bytes(125)
ID3V2 = b"ID3\x04\0\0\0\0\x10\0" + bytes(2048)


def noise(length_s: float, *, channels: int = 1, seed: int = 0) -> NDArray[Any]:
    shape = (round(length_s * RATE_HZ), channels)
    return np.random.RandomState(seed).uniform(-0.3, 0.3, shape)


def encoded(sound: NDArray[Any], name: str, *, rate_hz: int = RATE_HZ) -> bytes:
    file = io.BytesIO()
    kind, subtype = FORMATS[name]
    soundfile.write(file, sound, rate_hz, format=kind, subtype=subtype)
    return file.getvalue()


@pytest.fixture
def read(load: Callable[[str], Any], tmp_path: Path) -> Callable[[bytes], torch.Tensor]:
    """Look at a file's header, then read it."""
    _, transform = load("audio").build()

    def look_and_read(content: bytes) -> torch.Tensor:
        (tmp_path / "sound").write_bytes(content)
        transform.check_header(tmp_path / "sound")
        samples: torch.Tensor = transform.decode(tmp_path / "sound").samples
        return samples

    return look_and_read


@pytest.mark.parametrize("name", FORMATS)
def test_joined_recordings_are_read_one_behind_the_other(
    read: Callable[[bytes], torch.Tensor], name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    sounds = [noise(0.5), noise(1.0, seed=1), noise(0.3, channels=2, seed=2)]
    files = [encoded(sound, name) for sound in sounds]
    apart = torch.cat([read(file) for file in files])
    assert len(apart) == 1.8 * RATE_HZ
    assert torch.equal(read(b"".join(files)), apart)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", FORMATS)
def test_joined_recordings_are_long_enough_together(
    read: Callable[[bytes], torch.Tensor], name: str
) -> None:
    short = encoded(noise(0.015), name)
    with pytest.raises(UnusableInput, match="ms long"):
        read(short)
    assert len(read(short * 2)) == 2 * 0.015 * RATE_HZ


@pytest.mark.parametrize("name", FORMATS)
def test_a_joined_recording_that_is_cut_off_or_of_another_rate_is_refused(
    read: Callable[[bytes], torch.Tensor], name: str
) -> None:
    first, second = encoded(noise(0.5), name), encoded(noise(1.0), name)
    if not name.endswith("ogg"):  # whose end is not announced
        with pytest.raises(UnusableInput):
            read(first + second[: len(second) // 2])
    with pytest.raises(UnusableInput, match="8000 to 16000 Hz"):
        read(first + encoded(noise(0.5), name, rate_hz=8000))


def frames_of(mp3: bytes) -> bytes:
    """Leave out the first frame, which announces the others: 72,000 bit/s a Hz at 32 kbit/s."""
    kbits = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)[(mp3[2] >> 4) - 1]
    return mp3[72_000 * kbits // RATE_HZ + (mp3[2] >> 1 & 1) :]


@pytest.mark.parametrize(
    ("tags", "between"), [(ID3V2, ID3V1 + ID3V2), (b"", b"APETAGEX" + bytes(300)), (ID3V2, b"")]
)
def test_tags_around_joined_mp3_files_do_not_matter(
    read: Callable[[bytes], torch.Tensor], tags: bytes, between: bytes
) -> None:
    first, second = encoded(noise(0.5), "mp3"), encoded(noise(1.0, seed=1), "mp3")
    apart = torch.cat([read(first), read(second)])
    assert torch.equal(read(tags + first + between + second + ID3V1), apart)


def test_an_mp3_that_does_not_announce_its_length_is_read_to_its_end(
    read: Callable[[bytes], torch.Tensor],
) -> None:
    quiet_then_loud = np.concatenate([0 * noise(0.5), noise(1.5)])  # few bits first, then many
    whole = encoded(quiet_then_loud, "mp3")
    bare = frames_of(whole)
    assert bare[:2] == whole[:2]
    samples = read(bare)
    assert abs(len(samples) - 2 * RATE_HZ) <= 2 * 1152  # what encoders put around the sound
    assert samples[RATE_HZ:].std() > 0.1
    joined = read(encoded(noise(0.5), "mp3") + bare)
    assert len(joined) == len(samples) + 0.5 * RATE_HZ


def test_what_a_damaged_mp3_makes_its_decoder_print_is_kept_from_the_terminal(
    read: Callable[[bytes], torch.Tensor], capfd: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(encoded(noise(1.0), "mp3"))
    content[1000:1040] = b"\xa5" * 40
    content[3000:5000] = bytes(2000)
    with pytest.raises(UnusableInput):
        read(bytes(content))
    assert capfd.readouterr().err == ""


def unfinished(content: bytes, *, riff: int) -> bytes:
    """Write into a WAV file what a program leaves there that ends before its recording."""
    place = content.index(b"data") + 4
    head = content[:4] + struct.pack("<I", riff) + content[8:place]
    return head + bytes(4) + content[place + 4 :]


@pytest.mark.parametrize("riff", [0, 8, 36, 2**32 - 1])
def test_a_wav_that_says_0_bytes_and_goes_on_is_read_to_its_end(
    read: Callable[[bytes], torch.Tensor], riff: int
) -> None:
    for silence in (0, 1000):
        whole = encoded(np.concatenate([np.zeros((silence, 1)), noise(0.5)]), "wav")
        assert torch.equal(read(unfinished(whole, riff=riff)), read(whole))


def test_other_headers_that_say_nothing_of_the_length_are_read_to_the_end(
    read: Callable[[bytes], torch.Tensor],
) -> None:
    au = encoded(noise(0.5), "au")
    assert torch.equal(read(au[:8] + bytes(4) + au[12:]), read(au))
    file = io.BytesIO()
    soundfile.write(file, noise(0.5), RATE_HZ, format="RF64")
    whole = file.getvalue()
    sizes = whole.index(b"ds64") + 8
    for nothing in (bytes(16), b"\xff" * 16):
        assert torch.equal(read(whole[:sizes] + nothing + whole[sizes + 16 :]), read(whole))


def test_a_wav_without_sound_stays_without(read: Callable[[bytes], torch.Tensor]) -> None:
    for behind in (b"", b"LIST\x04\0\0\0INFO"):
        with pytest.raises(UnusableInput, match=r"0\.0 ms long"):
            read(encoded(noise(0), "wav") + behind)


def test_channels_that_cancel_each_other_are_refused_and_others_are_not(
    read: Callable[[bytes], torch.Tensor],
) -> None:
    left = noise(0.5)
    for name in ("flac", "float.wav"):
        with pytest.raises(UnusableInput, match="turned upside down"):
            read(encoded(np.hstack([left, -left]), name))
        for right in (noise(0.5, seed=1), 0 * left, -0.5 * left):
            assert read(encoded(np.hstack([left, right]), name)).std() > 0.02
        assert not read(encoded(np.zeros((8000, 2)), name)).any()


def test_floating_point_samples_of_another_scale_are_told_and_loud_ones_not(
    read: Callable[[bytes], torch.Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        loud = read(encoded(10 * noise(0.5), "float.wav"))
        assert loud.abs().max() > 2  # as it is: nothing is cut off
        assert caplog.messages == []
        read(encoded(32_768 * noise(0.5), "float.wav"))
    (message,) = caplog.messages
    assert "32768" in message
    assert "clipped" not in message
