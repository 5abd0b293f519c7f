"""What people see of a sample: a picture small enough for a card, a line that says what it is."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import spaner_audio
import spaner_sensor
import spaner_text
import spaner_vision
import torch
from numpy.typing import NDArray
from PIL import Image
from spaner_audio.reading.recordings import Waveform
from spaner_core import Preview
from spaner_core.previews.pages import check_png, preview_html
from spaner_sensor.reading.series import Series

PAPER = 255


def pixels(preview: Preview) -> NDArray[Any]:
    assert preview.png is not None
    assert max(check_png(preview.png)) <= 256
    return np.asarray(Image.open(io.BytesIO(preview.png)).convert("RGB")).astype(int)


def ink(shown: NDArray[Any]) -> NDArray[Any]:
    """Where the line is drawn, (H, W): blue, unlike paper, grid and names."""
    return shown[:, :, 2] - shown[:, :, 0] > 60


@pytest.mark.parametrize(
    ("size", "shown", "text"),
    [
        ((8, 8), (128, 128), "8 x 8 pixels"),
        ((640, 480), (256, 192), "640 x 480 pixels"),
        ((100, 90), (100, 90), "100 x 90 pixels"),
        ((4000, 3), (256, 1), "4000 x 3 pixels"),
    ],
)
def test_a_picture_is_shown_small_and_a_tiny_one_large(
    size: tuple[int, int], shown: tuple[int, int], text: str
) -> None:
    noise = np.random.RandomState(0).randint(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    page = Image.fromarray(noise)
    preview = spaner_vision.spaner_preview((page,))
    assert preview.text == text
    assert pixels(preview).shape[1::-1] == shown
    assert page.size == size


def test_the_pages_of_a_document_are_counted() -> None:
    page = Image.new("RGB", (70, 90))
    preview = spaner_vision.spaner_preview((page, page, page))
    assert preview.text == "page 1 of 3, 70 x 90 pixels"


def test_a_waveform_is_as_loud_as_the_recording_at_each_time() -> None:
    rate_hz = 16_000
    noise = torch.from_numpy(np.random.RandomState(0).uniform(-0.5, 0.5, 2 * rate_hz)).float()
    noise[rate_hz // 2 : rate_hz] = 0
    preview = spaner_audio.spaner_preview(Waveform(samples=noise, rate_hz=rate_hz))
    assert preview.text == "2.00 s, 16,000 Hz, peak -6 dB"
    height = ink(pixels(preview)).sum(axis=0)  # of the waveform, (W,)
    assert (height[:60] > 60).all()
    assert (height[68:124] <= 3).all()
    assert (height[132:250] > 60).all()


@pytest.mark.parametrize(
    ("samples", "text"),
    [
        (torch.zeros(800), "0.05 s, 16,000 Hz, silent"),
        (torch.full((16_000 * 90,), 1.0), "1 min 30 s, 16,000 Hz, peak 0 dB"),
        (torch.zeros(1), "0.00 s, 16,000 Hz, silent"),
    ],
    ids=["silence", "long", "a single sample"],
)
def test_every_recording_is_shown(samples: torch.Tensor, text: str) -> None:
    preview = spaner_audio.spaner_preview(Waveform(samples=samples, rate_hz=16_000))
    assert preview.text == text
    assert ink(pixels(preview)).any()


def series(values: NDArray[Any], *names: str) -> Series:
    return Series(values=torch.from_numpy(values).float(), channels=names, sample_rate_hz=10.0)


def test_each_channel_of_a_series_has_a_named_lane_of_its_own() -> None:
    rising = np.linspace(0, 1, 100)
    shown = spaner_sensor.spaner_preview(series(np.stack([rising, -rising]), "up", "down"))
    assert shown.text is not None
    assert shown.text.splitlines() == [
        "10 s, 100 steps at 10 Hz, 2 channels",
        "up: 0 to 1",
        "down: -1 to 0",
    ]
    drawn = pixels(shown)
    lines = ink(drawn)
    upper, lower = lines[:40], lines[40:80]
    first, last = 62, 250  # columns behind the names

    def height(lane: NDArray[Any], column: int) -> float:
        return 40 - float(np.flatnonzero(lane[:, column]).mean())

    assert height(upper, last) - height(upper, first) > 25
    assert height(lower, first) - height(lower, last) > 25
    for lane in (drawn[:40, :56], drawn[40:80, :56]):
        assert (lane < 160).any(), "its name is written beside it"


def test_many_channels_are_shown_in_part_and_counted() -> None:
    values = np.random.RandomState(0).randn(12, 5000)
    shown = spaner_sensor.spaner_preview(series(values, *(f"channel {n}" for n in range(12))))
    assert shown.text is not None
    assert shown.text.splitlines()[-1] == "and 4 more channels"
    assert ink(pixels(shown)).any(axis=1).sum() > 150


@pytest.mark.parametrize(
    "values",
    [np.zeros((1, 50)), np.full((3, 50), 3e38), np.array([[1.0]]), [[-3e38, 3e38] * 30]],
    ids=["zeros", "large", "one step", "the whole range"],
)
def test_flat_short_and_extreme_series_are_drawn(values: Any) -> None:
    array = np.asarray(values, dtype=np.float64)
    names = [f"{number}\x1b[31m 七" for number in range(len(array))]
    assert ink(pixels(spaner_sensor.spaner_preview(series(array, *names)))).any()


def test_a_text_is_shown_by_its_beginning() -> None:
    assert spaner_text.spaner_preview("a <b>cracked</b> bearing").text == "a <b>cracked</b> bearing"
    shown = spaner_text.spaner_preview("word " * 2000).text
    assert shown is not None
    assert (len(shown), shown[-6:]) == (2001, "word …")


@pytest.mark.parametrize("name", ["vision", "audio", "sensor", "text"])
def test_examples_are_shown_on_a_page(name: str, tmp_path: Any, load: Callable[[str], Any]) -> None:
    plugin = {
        **{"vision": spaner_vision, "audio": spaner_audio},
        **{"sensor": spaner_sensor, "text": spaner_text},
    }[name]
    transform = load(name).build()[1]
    for source in plugin.spaner_examples(tmp_path).inputs:
        preview = plugin.spaner_preview(transform.decode(source))
        assert preview_html(preview).startswith("<figure>")
