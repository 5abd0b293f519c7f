"""Parts of samples: they have names that people understand, and can be covered one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from spaner_core import HasParts, Part
from spaner_sensor.reading.series import Series
from spaner_sensor.transform import MOST_PARTS, series_parts
from spaner_text.transform import text_parts, text_without
from spaner_vision.transform import cover, picture_parts

from tests.plugins.both_ways import same

READINGS = np.sin(np.arange(60)[:, None] * np.linspace(0.1, 1, 6)) + 5
SAMPLES: dict[str, Any] = {
    "vision": np.random.RandomState(0).randint(0, 256, (21, 30, 3)).astype(np.uint8),
    "audio": (np.sin(np.arange(16_000) / 7), 16_000),
    "sensor": READINGS,
    "text": "someone is running",
}
LABELS = {
    "vision": ["row 1 of 4, column 1 of 4", "row 4 of 4, column 4 of 4"],
    "audio": ["0.00 to 0.05 s", "0.95 to 1.00 s"],
    "sensor": ["channel acc_x, 0 to 1 s", "channel gyro_z, 5 to 6 s"],
    "text": ['word 1, "someone"', 'word 3, "running"'],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_each_part_has_a_name_and_is_covered_alone(name: str, load: Callable[[str], Any]) -> None:
    transform = load(name).build()[1]
    assert isinstance(transform, HasParts)
    sample = transform.take(SAMPLES[name])
    again = transform.take(SAMPLES[name])
    parts = transform.parts(sample)
    assert [parts[0].label, parts[-1].label] == LABELS[name]
    assert len({part.label for part in parts}) == len(parts) <= 64
    covered = [transform.without(sample, part) for part in parts]
    assert all(len(transform.prepare(each)) for each in covered)
    assert not any(same(each, sample) for each in covered)
    assert same(sample, again), "the sample itself is left as it is"


def test_parts_of_a_series_cover_all_of_it_with_its_channels_means() -> None:
    values = torch.from_numpy(READINGS.T.copy()).float()
    series = Series(values=values, channels=tuple("abcdef"), sample_rate_hz=10.0)
    counted = torch.zeros(6, 60)
    for part in series_parts(series):
        place = part.place
        counted[place.channel : place.channel_end, place.start : place.end] += 1
    assert counted.eq(1).all()


@pytest.mark.parametrize("channels", [1, 16, 17, 300])
@pytest.mark.parametrize("steps", [11, 95, 100_000])
def test_a_series_has_few_parts_however_large_it_is(channels: int, steps: int) -> None:
    names = tuple(f"c{number}" for number in range(channels))
    series = Series(values=torch.zeros(channels, steps), channels=names, sample_rate_hz=10.0)
    parts = series_parts(series)
    assert 1 < len(parts) <= MOST_PARTS
    assert (
        sum((p.place.channel_end - p.place.channel) * (p.place.end - p.place.start) for p in parts)
        == channels * steps
    )
    if channels == 300:
        assert parts[0].label.startswith("channels c0 to c18, ")


def test_a_covered_cell_has_the_colour_of_the_ground_and_no_other_cell_changes() -> None:
    drawn = Image.new("RGB", (40, 40), (30, 60, 90))
    drawn.paste((255, 255, 255), (0, 0, 15, 40))
    (page,) = cover((drawn,), picture_parts((drawn,))[0].place)
    assert page.getpixel((0, 0)) == page.getpixel((9, 9)) == (30, 60, 90)
    assert page.getpixel((10, 10)) == (255, 255, 255)
    assert page.getpixel((30, 0)) == (30, 60, 90)


def test_documents_are_cut_into_cells_or_where_they_are_long_into_pages() -> None:
    page = Image.new("RGB", (8, 2))
    two, many = picture_parts((page,) * 2), picture_parts((page,) * 30)
    assert two[-1].label == "page 2, row 2 of 2, column 4 of 4"
    assert [many[0].label, len(many)] == ["page 1 of 30", 30]
    covered = cover((Image.new("RGB", (3, 3), "red"), page), two[8].place)
    assert covered[0].getpixel((0, 0)) == (255, 0, 0)


def test_long_texts_are_cut_into_sentences_and_longer_ones_into_several_at_once() -> None:
    text = "The first pump failed. It leaked! Why? Nobody knows…\n\nA new start " + "word " * 60
    assert [part.label for part in text_parts(text)] == [
        'sentence 1, "The first pump failed."',
        'sentence 2, "It leaked!"',
        'sentence 3, "Why?"',
        'sentence 4, "Nobody knows…"',
        'sentence 5, "A new start word word word word word wo…"',
    ]
    many = text_parts("It leaks again. " * 200)
    assert len(many) == 50
    assert many[1].label == 'sentences 5 to 8, "It leaks again. It leaks again. It leak…"'
    endless = text_parts("word " * 1000)
    assert len(endless) == 63
    assert endless[0].label.startswith("words 1 to 16, ")


def test_scripts_without_spaces_have_a_part_for_each_character() -> None:
    assert [part.label for part in text_parts("七つ seven")] == [
        'word 1, "七"',
        'word 2, "つ"',
        'word 3, "seven"',
    ]


@pytest.mark.parametrize("text", ["seven", "seven!", "«seven» …"])
def test_a_text_of_one_word_is_still_a_text_without_it(
    text: str, load: Callable[[str], Any]
) -> None:
    transform = load("text").build()[1]
    rest = transform.without(text, next(p for p in transform.parts(text) if "seven" in p.label))
    assert transform.prepare(rest)


def test_words_are_taken_out_where_they_stand() -> None:
    parts = text_parts("the cat and the dog")
    assert text_without("the cat and the dog", parts[3]) == "the cat and  dog"
    assert isinstance(parts[3], Part)
