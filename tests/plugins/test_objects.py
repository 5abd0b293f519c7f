"""Objects that people hold already become the sample that their file would give."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest
import soundfile
import torch
from PIL import Image
from spaner_core import TakesObjects, UnusableInput

from tests.plugins.both_ways import same

CHANNELS = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]
READINGS = np.round(np.sin(np.arange(60)[:, None] * np.linspace(0.1, 1, 6)), 3)
NOISE = np.random.RandomState(0).randint(0, 256, (20, 30, 3)).astype(np.uint8)
TONE = 0.5 * np.sin(np.arange(8000) / 7)


@pytest.fixture
def build(load: Callable[[str], Any]) -> Callable[..., Any]:
    def build(name: str, **options: object) -> Any:
        transform = load(name).build(options)[1]
        assert isinstance(transform, TakesObjects)
        return transform

    return build


def test_images_and_arrays_are_the_picture_that_their_file_gives(
    build: Callable[..., Any], tmp_path: Path
) -> None:
    vision = build("vision")
    Image.fromarray(NOISE).save(tmp_path / "a.png")
    read = vision.decode(tmp_path / "a.png")
    assert same(vision.take(Image.fromarray(NOISE)), read)
    assert same(vision.take(NOISE), read)
    grey = vision.take(NOISE[:, :, 0])
    assert same(grey, vision.take(NOISE[:, :, [0, 0, 0]]))
    assert same(vision.take(NOISE[:, :, :1]), grey)


def test_an_opened_image_is_turned_upright_and_left_as_it_is(
    build: Callable[..., Any], tmp_path: Path
) -> None:
    vision = build("vision")
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(NOISE).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        (page,) = vision.take(image)
        assert (page.size, image.size) == ((20, 30), (30, 20))
        assert same((page,), vision.decode(tmp_path / "a.png"))


def test_an_image_with_a_transparent_grey_can_be_taken_twice(
    build: Callable[..., Any], tmp_path: Path
) -> None:
    vision = build("vision")
    path = tmp_path / "few.png"
    Image.new("L", (4, 4), 0).save(path, bits=2, transparency=1)
    image = Image.open(path)
    before = dict(image.info)
    first = vision.take(image)
    assert image.info == before
    assert same(first, vision.decode(path))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (NOISE / 255, "dtype float64; expected uint8"),
        (NOISE.transpose(2, 0, 1), r"shape \(3, 20, 30\); expected \(height, width\)"),
        (NOISE[:0], r"shape \(0, 30, 3\)"),
        (Image.new("F", (9, 9)), "mode F"),
        (Image.new("L", (20_000, 9_000)), "too large"),
    ],
    ids=["floats", "channels first", "empty", "32 bits", "large"],
)
def test_images_that_cannot_be_used_are_refused(
    build: Callable[..., Any], value: Any, message: str
) -> None:
    with pytest.raises(UnusableInput, match=message):
        build("vision").take(value)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8", "FLOAT"])
def test_samples_with_their_rate_are_the_recording_that_their_file_gives(
    build: Callable[..., Any], tmp_path: Path, subtype: str
) -> None:
    audio = build("audio")
    soundfile.write(tmp_path / "a.wav", TONE, 16_000, subtype=subtype)
    read = audio.decode(tmp_path / "a.wav")
    kinds = {"PCM_16": ["int16", "int32"], "PCM_24": ["int32"], "PCM_U8": [], "FLOAT": []}
    for dtype in ("float32", "float64", *kinds[subtype]):
        samples, rate_hz = soundfile.read(tmp_path / "a.wav", dtype=dtype)
        assert same(audio.take((samples, rate_hz)), read)
        assert same(audio.take((torch.from_numpy(samples), rate_hz)), read)
        assert same(audio.take({"array": samples, "sampling_rate": rate_hz}), read)


def test_channels_are_averaged_along_whichever_axis_they_lie(build: Callable[..., Any]) -> None:
    audio = build("audio")
    stereo = np.stack([TONE, 0.5 * TONE]).astype(np.float32)
    expected = audio.take((stereo.mean(axis=0), 16_000))
    for samples in (stereo, stereo.T, torch.from_numpy(stereo).requires_grad_()):
        torch.testing.assert_close(audio.take((samples, 16_000)).samples, expected.samples)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((TONE, 0), "sample rate is 0"),
        ((TONE, 16_000.5), r"sample rate is 16000\.5"),
        ((TONE[:10], 16_000), "ms long"),
        ((np.full(8000, np.nan), 16_000), "NaN or infinite at 0.000 s"),
        ((TONE.astype(complex), 16_000), "dtype complex128"),
        ((np.arange(8000), 16_000), "dtype int64; expected floating point"),
        ((np.zeros((300, 300)), 16_000), r"shape \(300, 300\)"),
        ((np.stack([TONE, -TONE]), 16_000), "averaging the channels"),
    ],
    ids=["no rate", "half", "short", "nan", "complex", "integers", "square", "cancelled"],
)
def test_samples_that_cannot_be_used_are_refused(
    build: Callable[..., Any], value: Any, message: str
) -> None:
    with pytest.raises(UnusableInput, match=message):
        build("audio").take(value)


@pytest.mark.parametrize(
    "value",
    [
        pandas.DataFrame(READINGS, columns=CHANNELS),
        polars.DataFrame(READINGS, schema=CHANNELS),
        pyarrow.table(dict(zip(CHANNELS, READINGS.T, strict=True))),
        dict(zip(CHANNELS, READINGS.T.tolist(), strict=True)),
        dict(zip(CHANNELS, torch.from_numpy(READINGS.T.copy()), strict=True)),
        pandas.DataFrame(READINGS[:, ::-1], columns=CHANNELS[::-1]).assign(note="x"),
        (READINGS, CHANNELS),
        (READINGS[:, ::-1], CHANNELS[::-1]),
        (READINGS, 10),
        READINGS,
        torch.from_numpy(READINGS),
        np.array([tuple(r) for r in READINGS.tolist()], dtype=[(n, "f8") for n in CHANNELS]),
    ],
    ids=[
        *("pandas", "polars", "arrow", "lists", "tensors", "other order", "names"),
        *("names in another order", "rate", "array", "tensor", "fields"),
    ],
)
def test_tables_and_arrays_are_the_series_that_their_file_gives(
    build: Callable[..., Any], tmp_path: Path, value: Any
) -> None:
    sensor = build("sensor")
    pandas.DataFrame(READINGS, columns=CHANNELS).to_csv(tmp_path / "a.csv", index=False)
    assert same(sensor.take(value), sensor.decode(tmp_path / "a.csv"))


@pytest.mark.parametrize("library", [pandas, polars])
@pytest.mark.parametrize("times", ["numbers", "texts", "dates"])
def test_a_frame_s_times_are_read_as_a_file_s_are(
    build: Callable[..., Any], library: Any, times: str
) -> None:
    sensor = build("sensor", time="t")
    plain = sensor.take({"t": np.arange(60) / 10, **dict(zip(CHANNELS, READINGS.T, strict=True))})
    dates = pandas.date_range("2024-05-01", periods=60, freq="100ms")
    column = {"numbers": np.arange(60) / 10, "texts": dates.strftime("%FT%T.%f"), "dates": dates}
    frame = pandas.DataFrame(READINGS, columns=CHANNELS).assign(t=column[times])
    taken = sensor.take(frame if library is pandas else polars.from_pandas(frame))
    torch.testing.assert_close(taken.values, plain.values)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (pandas.DataFrame(READINGS[:, :5], columns=CHANNELS[:5]), "gyro_z are missing"),
        (pandas.DataFrame(READINGS[:9], columns=CHANNELS), "the series has 9 steps"),
        (pandas.DataFrame(READINGS, columns=CHANNELS).assign(acc_x="a"), "expected numbers"),
        (pandas.Series(READINGS[:, 0]), "the Series is no table"),
        ({"acc_x": [1.0], "acc_y": [1.0, 2.0]}, "the dict is no table"),
        ((READINGS, CHANNELS[:5]), r"shape \(60, 6\) and 5 names"),
        ((READINGS, 50), "beside the array stands 50; .* 10 Hz"),
        (READINGS.T, "transpose it"),
        (READINGS.astype(object), "dtype object"),
        (np.where(READINGS > 2, 0, np.nan), "has no value in row 1"),
    ],
    ids=[
        *("missing", "short", "texts", "one column", "uneven", "names", "rate", "turned"),
        *("objects", "nan"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(
    build: Callable[..., Any], value: Any, message: str
) -> None:
    with pytest.raises(UnusableInput, match=message) as refused:
        build("sensor").take(value)
    assert len(str(refused.value).splitlines()) == 1


def test_texts_are_taken_and_empty_ones_refused(build: Callable[..., Any]) -> None:
    text = build("text")
    assert text.take("a cracked bearing") == "a cracked bearing"
    with pytest.raises(UnusableInput, match="empty"):
        text.take(" ")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("vision", ["a.png", Path("a.png"), 3, (TONE, 16_000), None]),
        ("audio", ["a.wav", Path("a.wav"), TONE, NOISE, (1, 2), {"array": 1}, ("a", "b")]),
        ("sensor", ["a.csv", Path("a.csv"), 3, Image.new("L", (9, 9)), None]),
        ("text", [b"bytes", 3, NOISE, Path("a.txt"), None]),
    ],
)
def test_other_objects_are_nobody_s(
    build: Callable[..., Any], name: str, values: list[Any]
) -> None:
    transform = build(name)
    assert [transform.take(value) for value in values] == [None] * len(values)


def test_data_frames_are_asked_for_without_importing_any_library_of_them() -> None:
    program = (
        "import sys, numpy, spaner_sensor as s\n"
        "e = s.spaner_build_encoder({}); t = s.spaner_build_transform(e, {})\n"
        "assert t.take(object()) is None and t.take(numpy.zeros((60, 6))) is not None\n"
        "assert not {'pandas', 'polars'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
