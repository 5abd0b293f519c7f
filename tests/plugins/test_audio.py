from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from spaner_core import FeatureSpec, OptionError, UnusableInput

RATE_HZ = 16_000
FORMATS = ("WAV", "FLAC", "OGG", "MP3", "AIFF", "AU")


def chirp(
    start_hz: float, end_hz: float, *, length_s: float, rate_hz: int = RATE_HZ
) -> NDArray[np.float32]:
    """Synthetic sound: a tone gliding between two pitches, over a little noise."""
    steps = int(length_s * rate_hz)
    pitch = np.linspace(start_hz, end_hz, steps)
    noise = np.random.RandomState(0).normal(size=steps) * 1e-4
    return (0.5 * np.sin(2 * np.pi * np.cumsum(pitch) / rate_hz) + noise).astype(np.float32)


@pytest.fixture
def audio(load: Callable[[str], Any]) -> Any:
    return load("audio")


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    glides = [(300, 900, 0.4), (900, 300, 0.7), (2000, 2000, 1.1), (200, 4000, 0.06)]
    paths = []
    for number, (start_hz, end_hz, length_s) in enumerate(glides):
        path = tmp_path / f"{number}.flac"
        soundfile.write(path, chirp(start_hz, end_hz, length_s=length_s), RATE_HZ)
        paths.append(path)
    return paths


def test_tokens_follow_pitch_over_time(audio: Any, clips: list[Path]) -> None:
    rising, falling, *_ = audio.tokens(clips)
    assert rising.shape == (17, 40)
    assert rising[14].argmax() > rising[1].argmax() + 3
    assert falling[1].argmax() > falling[14].argmax() + 3


def test_every_promised_format_is_read(audio: Any, tmp_path: Path) -> None:
    assert set(audio.modality.suffixes) == {*(f".{name.lower()}" for name in FORMATS), ".aif"}
    for name in FORMATS:
        path = tmp_path / f"glide.{name.lower()}"
        soundfile.write(path, chirp(300, 900, length_s=0.5), RATE_HZ, format=name)
        (tokens,) = audio.tokens([path])
        assert tokens[15].argmax() > tokens[2].argmax() + 3, name


def test_loudness_rate_and_channels_hardly_matter(audio: Any, tmp_path: Path) -> None:
    sound = chirp(300, 900, length_s=0.5)
    soundfile.write(tmp_path / "plain.wav", sound, RATE_HZ, subtype="FLOAT")
    soundfile.write(tmp_path / "quiet.wav", sound / 64, RATE_HZ, subtype="FLOAT")
    fast = chirp(300, 900, length_s=0.5, rate_hz=44_100)
    soundfile.write(tmp_path / "fast.wav", np.stack([fast, fast], axis=1), 44_100, subtype="FLOAT")
    names = ("plain", "quiet", "fast")
    plain, quiet, fast_tokens = audio.tokens([tmp_path / f"{name}.wav" for name in names])
    torch.testing.assert_close(quiet, plain, rtol=1e-4, atol=1e-4)
    assert (fast_tokens - plain).abs().mean() < 0.05 * plain.std()


@pytest.mark.parametrize("value", [0.0, 1e-30, 1e30])
def test_silence_and_extreme_levels_give_finite_features(
    audio: Any, tmp_path: Path, value: float
) -> None:
    sound = np.full(8000, value, dtype=np.float32)
    soundfile.write(tmp_path / "level.wav", sound, RATE_HZ, subtype="FLOAT")
    (tokens,) = audio.tokens([tmp_path / "level.wav"])
    assert torch.isfinite(tokens).all()


def test_the_shortest_clip_is_25_ms(audio: Any, tmp_path: Path) -> None:
    sound = chirp(300, 900, length_s=0.5, rate_hz=8000)
    soundfile.write(tmp_path / "enough.wav", sound[:200], 8000)
    (tokens,) = audio.tokens([tmp_path / "enough.wav"])
    assert tokens.shape == (17, 40)
    soundfile.write(tmp_path / "short.wav", sound[:199], 8000)
    with pytest.raises(UnusableInput, match=r"24\.9 ms long; expected at least 25\.0 ms"):
        audio.tokens([tmp_path / "short.wav"])


def test_no_samples_are_refused(audio: Any, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros(0, dtype=np.float32), RATE_HZ)
    with pytest.raises(UnusableInput, match=r"0\.0 ms long"):
        audio.tokens([tmp_path / "none.wav"])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused_with_their_time(
    audio: Any, tmp_path: Path, value: float
) -> None:
    sound = np.zeros((8000, 2), dtype=np.float32)
    sound[4000, 1] = value
    soundfile.write(tmp_path / "nan.wav", sound, RATE_HZ, subtype="FLOAT")
    with pytest.raises(UnusableInput, match=r"NaN or infinite at 0\.250 s"):
        audio.tokens([tmp_path / "nan.wav"])


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_files_that_were_cut_off_are_refused(audio: Any, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut{suffix}"
    soundfile.write(path, chirp(300, 900, length_s=3), RATE_HZ)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UnusableInput, match=r"check or export|was cut off"):
        audio.tokens([path])


def test_wav_written_to_a_pipe_is_read_though_its_header_cannot_know_the_length(
    audio: Any, tmp_path: Path
) -> None:
    path = tmp_path / "piped.wav"
    soundfile.write(path, chirp(300, 900, length_s=0.5), RATE_HZ)
    (known,) = audio.tokens([path])
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = (0x7FFFF000).to_bytes(4, "little")
    path.write_bytes(content)
    (piped,) = audio.tokens([path])
    assert torch.equal(piped, known)


@pytest.mark.parametrize("content", [b"", b"no sound at all"])
def test_files_that_are_no_sound_are_refused(audio: Any, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(UnusableInput, match="cannot be read"):
        audio.tokens([tmp_path / "bad.wav"])


@pytest.mark.parametrize("bands", [1, 80])
def test_the_range_of_bands_works(audio: Any, clips: list[Path], bands: int) -> None:
    encoder, _ = audio.build({"bands": bands, "tokens": 4})
    assert encoder.features == FeatureSpec(dim=bands, tokens=5, grid=(4,), prefix_tokens=1)
    assert all(t.shape == (5, bands) for t in audio.tokens(clips, {"bands": bands, "tokens": 4}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"band": 40}, "did you mean 'bands'"),
        ({"model": "clap"}, "known: logmel"),
        ({"bands": 81}, "bands is 81"),
        ({"tokens": 0}, "tokens is 0"),
        ({"tokens": 10**12}, "tokens is 1000000000000"),
        ({"floor_db": -30}, "floor_db is -30"),
    ],
)
def test_wrong_options_are_refused(audio: Any, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        audio.build(options)
