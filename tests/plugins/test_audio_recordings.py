"""Recordings as people have them: every one is read right or refused with its reason."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from spaner_audio.reading.resampling import PART_SAMPLES, at_rate, at_rate_in_parts
from spaner_core import UnusableInput
from spaner_core.contract.transform import HeaderCheck

RATE_HZ = 16_000


def tone(length_s: float = 0.5, *, rate_hz: int = RATE_HZ, level: float = 0.5) -> NDArray[Any]:
    return level * np.sin(2 * np.pi * 1000 * np.arange(round(length_s * rate_hz)) / rate_hz)


def pitch_hz(clip: torch.Tensor) -> float:
    spectrum = torch.fft.rfft(clip * torch.hann_window(len(clip))).abs()
    return float(spectrum.argmax()) * RATE_HZ / len(clip)


@pytest.fixture
def transform(load: Callable[[str], Any]) -> Any:
    _, transform = load("audio").build()
    assert isinstance(transform, HeaderCheck)
    return transform


def read(transform: Any, path: Path) -> torch.Tensor:
    """Check, decode and prepare one recording: its clip at 16 kHz."""
    transform.check_header(path)
    (clip,) = transform.prepare(transform.decode(path))
    assert clip.dtype == torch.float32
    return clip


def refusal(transform: Any, path: Path, *, by_header: bool = True) -> str:
    """Return the reason why a recording is refused, already by its header or only when decoded."""
    with pytest.raises(UnusableInput) as refused:
        transform.decode(path)
    if by_header:
        with pytest.raises(UnusableInput) as early:
            transform.check_header(path)
        assert str(early.value) == str(refused.value)
    else:
        transform.check_header(path)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


@pytest.mark.parametrize("rate_hz", [4000, 8000, 11_127, 44_100, 47_999, 96_000, 192_000])
def test_every_rate_keeps_pitch_and_length(transform: Any, tmp_path: Path, rate_hz: int) -> None:
    soundfile.write(tmp_path / "tone.wav", tone(rate_hz=rate_hz), rate_hz)
    clip = read(transform, tmp_path / "tone.wav")
    assert abs(len(clip) - 8000) <= 1
    assert pitch_hz(clip) == pytest.approx(1000, abs=4)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_kind_of_sample_is_read_at_its_level(
    transform: Any, tmp_path: Path, subtype: str
) -> None:
    soundfile.write(tmp_path / "tone.wav", tone(), RATE_HZ, subtype=subtype)
    clip = read(transform, tmp_path / "tone.wav")
    torch.testing.assert_close(clip, torch.from_numpy(tone()).float(), atol=0.01, rtol=0)


@pytest.mark.parametrize("channels", [2, 6])
def test_channels_are_averaged_over_several_blocks_as_in_one(
    transform: Any, tmp_path: Path, channels: int
) -> None:
    values = np.random.RandomState(0).uniform(-0.5, 0.5, size=(2_500_000, channels))
    soundfile.write(tmp_path / "many.flac", values, RATE_HZ)
    whole, _ = soundfile.read(tmp_path / "many.flac", dtype="float32")
    decoded = transform.decode(tmp_path / "many.flac")
    assert torch.equal(decoded.samples, torch.from_numpy(whole).mean(dim=1))


@pytest.mark.parametrize(
    "sound", [np.zeros(8000), tone() + 0.3, np.full(8000, -0.4)], ids=["silent", "offset", "flat"]
)
def test_silence_and_offsets_are_usable(
    load: Callable[[str], Any], tmp_path: Path, sound: NDArray[Any]
) -> None:
    soundfile.write(tmp_path / "odd.wav", sound, RATE_HZ)
    (tokens,) = load("audio").tokens([tmp_path / "odd.wav"])
    assert torch.isfinite(tokens).all()


def test_clipping_is_used_and_said(
    transform: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        soundfile.write(tmp_path / "full.wav", tone(level=1.0), RATE_HZ)
        read(transform, tmp_path / "full.wav")
        assert caplog.messages == []
        soundfile.write(tmp_path / "clipped.wav", tone(level=2.0), RATE_HZ)
        read(transform, tmp_path / "clipped.wav")
    (message,) = caplog.messages
    assert "clipped.wav" in message
    assert "clipped for 38% of its length" in message


@pytest.mark.parametrize(
    "name",
    [b"two words.wav", b"two\nlines.wav", "klang \N{MUSICAL NOTE}.wav".encode(), b"\xff\xfe.wav"],
)
def test_any_name_is_read_and_refused(transform: Any, tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    soundfile.write(tmp_path / "plain.wav", tone(), RATE_HZ)
    path.write_bytes((tmp_path / "plain.wav").read_bytes())
    assert len(read(transform, path)) == 8000
    path.write_bytes(b"not sound")
    assert "cannot be read" in refusal(transform, path)


@pytest.mark.parametrize("true", ["wav", "flac", "ogg", "mp3", "aiff", "au"])
@pytest.mark.parametrize("written", ["wav", "mp3", "raw", "txt"])
def test_a_wrong_suffix_does_not_matter(
    transform: Any, tmp_path: Path, true: str, written: str
) -> None:
    soundfile.write(tmp_path / f"tone.{true}", tone(), RATE_HZ)
    path = (tmp_path / f"tone.{true}").rename(tmp_path / f"renamed.{written}")
    assert pitch_hz(read(transform, path)) == pytest.approx(1000, abs=4)


@pytest.mark.parametrize(
    ("name", "content", "format_name"),
    [
        ("voice.m4a", b"\x00\x00\x00\x20ftypM4A ", "MPEG-4"),
        ("voice.wav", b"\x00\x00\x00\x20ftypM4A ", "MPEG-4"),
        ("voice.webm", b"\x1a\x45\xdf\xa3", "WebM"),
        ("voice.wma", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media"),
        ("voice.amr", b"#!AMR\n", "AMR"),
    ],
)
def test_formats_that_are_not_read_are_named_with_what_to_do(
    transform: Any, tmp_path: Path, name: str, content: bytes, format_name: str
) -> None:
    (tmp_path / name).write_bytes(content + bytes(1000))
    said = refusal(transform, tmp_path / name)
    assert format_name in said
    assert "ffmpeg -i INPUT OUTPUT.flac" in said


@pytest.mark.parametrize("content", [b"", b"RIFF", b"<html>404</html>" * 50, bytes(5000)])
def test_what_is_no_sound_is_refused(transform: Any, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    assert "cannot be read" in refusal(transform, tmp_path / "bad.wav")


def test_folders_and_pipes_are_refused_without_waiting(transform: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert "a pipe or a device" in refusal(transform, tmp_path / "pipe.wav")
    assert "a folder" in refusal(transform, tmp_path)
    assert "no such file" in refusal(transform, tmp_path / "missing.wav")


@pytest.mark.parametrize("suffix", ["wav", "aiff", "au"])
def test_a_cut_off_file_is_seen_in_its_header(transform: Any, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    soundfile.write(path, tone(), RATE_HZ)
    path.write_bytes(path.read_bytes()[:6000])
    assert "samples; expected all of them; the file was cut off" in refusal(transform, path)


@pytest.mark.parametrize("suffix", ["flac", "mp3"])
def test_a_cut_off_stream_is_seen_when_decoded(transform: Any, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    soundfile.write(path, np.random.RandomState(0).normal(size=50_000) * 0.1, RATE_HZ)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "again" in refusal(transform, path, by_header=False)


def test_a_stream_of_unknown_length_is_refused(transform: Any, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "stream.flac", tone(), RATE_HZ)
    content = bytearray((tmp_path / "stream.flac").read_bytes())
    content[21] &= 0xF0  # STREAMINFO: 36 bits for the number of samples
    content[22:26] = bytes(4)
    (tmp_path / "stream.flac").write_bytes(content)
    assert "does not say how long" in refusal(transform, tmp_path / "stream.flac")


def test_lengths_beyond_an_hour_are_refused_by_the_header(transform: Any, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(3601 * 4000), 4000, subtype="PCM_U8")
    assert "1.00 hours long; expected at most 1" in refusal(transform, tmp_path / "long.wav")
    soundfile.write(tmp_path / "hour.wav", np.zeros(3600 * 4000), 4000, subtype="PCM_U8")
    assert len(transform.decode(tmp_path / "hour.wav").samples) == 3600 * 4000


def test_one_broken_sample_late_in_a_recording_is_found(transform: Any, tmp_path: Path) -> None:
    values = np.zeros((3_000_000, 2), dtype=np.float32)
    values[2_400_000, 1] = np.nan
    soundfile.write(tmp_path / "late.wav", values, RATE_HZ, subtype="FLOAT")
    said = refusal(transform, tmp_path / "late.wav", by_header=False)
    assert "NaN or infinite at 150.000 s" in said


@pytest.mark.parametrize("rate_hz", [8000, 44_100, 48_000])
def test_resampling_in_parts_is_resampling_at_once(rate_hz: int) -> None:
    noise = torch.randn(PART_SAMPLES + 12_345, generator=torch.Generator().manual_seed(0))
    at_once = at_rate(noise, rate_hz, target_hz=RATE_HZ)
    in_parts = at_rate_in_parts(noise, rate_hz, target_hz=RATE_HZ)
    torch.testing.assert_close(in_parts, at_once, rtol=0, atol=2e-6)
