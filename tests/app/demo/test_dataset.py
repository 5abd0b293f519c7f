from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from sklearn.datasets import load_digits
from spaner.demo.dataset import CHANNELS, write_dataset
from spaner.demo.texts import ACTIVITIES, CONCEPTS, DIGITS, SPLITS, demo_texts, label_texts

Rows = list[dict[str, str]]


def read_rows(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def file_digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("demo") / "data")


@pytest.fixture(scope="module")
def rows(manifest: Path) -> Rows:
    return read_rows(manifest)


def of(rows: Rows, modality: str) -> Rows:
    return [row for row in rows if row["modality"] == modality]


def test_rows_of_each_modality_and_split(rows: Rows) -> None:
    counts = Counter((row["modality"], row["split"]) for row in rows)

    assert counts == {
        ("text", "train"): 840,
        ("text", "validation"): 207,
        ("text", "test"): 349,
        ("vision", "train"): 1200,
        ("vision", "validation"): 200,
        ("vision", "test"): 397,
        ("audio", "train"): 336,
        ("audio", "validation"): 84,
        ("audio", "test"): 140,
        ("sensor", "train"): 32,
        ("sensor", "validation"): 8,
        ("sensor", "test"): 40,
    }


@pytest.mark.parametrize(
    ("modality", "concepts"),
    [("text", CONCEPTS), ("audio", CONCEPTS), ("vision", DIGITS), ("sensor", ACTIVITIES)],
)
def test_a_modality_has_its_concepts_in_every_split(
    rows: Rows, modality: str, concepts: tuple[str, ...]
) -> None:
    for split in SPLITS:
        found = {row["concept"] for row in of(rows, modality) if row["split"] == split}
        assert found == set(concepts)


def test_sensor_and_text_are_balanced_over_concepts(rows: Rows) -> None:
    sensor = Counter((row["split"], row["concept"]) for row in of(rows, "sensor"))
    assert {(split, count) for (split, _), count in sensor.items()} == {
        ("train", 8),
        ("validation", 2),
        ("test", 10),
    }
    text = Counter((row["split"], row["concept"]) for row in of(rows, "text"))
    assert all(text["train", concept] == 60 for concept in CONCEPTS)
    assert all(text["validation", concept] >= 12 for concept in CONCEPTS)
    assert all(text["test", concept] >= 24 for concept in CONCEPTS)


def test_ids_are_unique(rows: Rows) -> None:
    repeated = [name for name, count in Counter(row["id"] for row in rows).items() if count > 1]
    assert repeated == []
    assert {"text-0001", "vision-0001", "audio-m1-seven", "sensor-train-00"} <= {
        row["id"] for row in rows
    }


def test_paths_are_relative_and_name_every_file_written(manifest: Path, rows: Rows) -> None:
    named = {row["input"] for row in rows if row["modality"] != "text"}
    written = set(file_digests(manifest.parent))

    assert named | {"manifest.csv", "labels.csv", "README.md"} == written


def test_images_open_and_are_the_digits_of_the_source(manifest: Path, rows: Rows) -> None:
    digits = load_digits()
    for row, source, digit in zip(of(rows, "vision"), digits.images, digits.target, strict=True):
        with Image.open(manifest.parent / row["input"]) as image:
            assert (image.mode, image.size) == ("L", (8, 8))
            pixels = np.asarray(image, dtype=float)
        assert np.array_equal(np.round(pixels * 16 / 255), source)
        assert row["concept"] == DIGITS[digit]


def test_speech_opens_is_heard_and_says_that_it_is_synthetic(manifest: Path, rows: Rows) -> None:
    for row in of(rows, "audio"):
        with soundfile.SoundFile(manifest.parent / row["input"]) as file:
            assert (file.samplerate, file.channels, file.subtype) == (16_000, 1, "PCM_16")
            assert file.comment.startswith("synthetic speech")
            samples = file.read()
        assert 0.1 < len(samples) / 16_000 < 1.5
        assert 0.05 < np.abs(samples).max() < 1.0, "silent or clipped"
        assert row["origin"].startswith("synthetic speech")


def test_no_two_recordings_are_the_same(manifest: Path, rows: Rows) -> None:
    sounds = Counter(
        soundfile.read(manifest.parent / row["input"])[0].tobytes() for row in of(rows, "audio")
    )
    assert max(sounds.values()) == 1


def test_series_open_with_named_channels(manifest: Path, rows: Rows) -> None:
    for row in of(rows, "sensor"):
        steps = read_rows(manifest.parent / row["input"])
        assert tuple(steps[0]) == CHANNELS
        values = np.array([[float(value) for value in step.values()] for step in steps])
        assert values.shape == (100, 6)
        assert np.isfinite(values).all()


def test_series_keep_the_values_of_the_source(manifest: Path) -> None:
    steps = read_rows(manifest.parent / "sensor" / "train" / "motion-00.csv")
    # the start of the first line of the official TRAIN file
    assert [step["acc_x"] for step in steps[:4]] == [
        "0.079106",
        "0.079106",
        "-0.903497",
        "1.116125",
    ]


def test_running_moves_more_than_standing(manifest: Path, rows: Rows) -> None:
    moved = defaultdict(list)
    for row in of(rows, "sensor"):
        values = np.loadtxt(manifest.parent / row["input"], delimiter=",", skiprows=1)
        moved[row["concept"]].append(values.std())
    assert min(moved["running"]) > np.median(moved["standing"]) * 3


def test_voices_of_one_split_are_in_no_other(rows: Rows) -> None:
    voices = defaultdict(set)
    for row in of(rows, "audio"):
        voices[row["split"]].add(row["voice"])
    assert {split: len(names) for split, names in voices.items()} == {
        "train": 24,
        "validation": 6,
        "test": 10,
    }
    assert len(set().union(*voices.values())) == 40


def test_no_text_occurs_twice(rows: Rows) -> None:
    texts = Counter(row["input"].casefold() for row in of(rows, "text"))
    assert [text for text, count in texts.items() if count > 1] == []


def test_templates_of_one_split_are_in_no_other() -> None:
    templates = defaultdict(set)
    for text in demo_texts():
        templates[text.split].add(text.template.casefold())
    assert not templates["train"] & templates["test"]
    assert not templates["train"] & templates["validation"]
    assert not templates["validation"] & templates["test"]


def test_test_texts_name_only_what_training_names() -> None:
    texts = demo_texts()
    trained = {(text.concept, text.name) for text in texts if text.split == "train"}
    assert {(text.concept, text.name) for text in texts} == trained


def test_bare_names_are_for_training() -> None:
    bare = [text for text in demo_texts() if text.text == text.name]
    assert {text.split for text in bare} == {"train"}
    # Badminton is written alike in two languages but for its capital letter
    found = {(text.concept, text.name.casefold()) for text in bare}
    assert found >= {(concept, name.casefold()) for concept, name in label_texts()}


def test_a_text_names_its_own_concept_and_no_other() -> None:
    named: dict[str, set[str]] = {}
    for text in demo_texts():
        named.setdefault(text.concept, set()).add(text.name)
    patterns = {
        concept: re.compile(
            "|".join(rf"(?<!\w){re.escape(name.casefold())}(?!\w)" for name in names)
        )
        for concept, names in named.items()
    }
    for text in demo_texts():
        found = {
            concept for concept, pattern in patterns.items() if pattern.search(text.text.casefold())
        }
        assert found == {text.concept}, text.text


def test_labels_name_every_concept_in_five_languages(manifest: Path) -> None:
    labels = read_rows(manifest.parent / "labels.csv")
    assert Counter(row["concept"] for row in labels) == dict.fromkeys(CONCEPTS, 5)
    sevens = {row["text"] for row in labels if row["concept"] == "seven"}
    assert sevens == {"seven", "sieben", "sept", "siete", "sette"}
    assert all(row["text"] for row in labels)


def test_the_readme_tells_origins_and_labels_the_speech(manifest: Path) -> None:
    text = (manifest.parent / "README.md").read_text(encoding="utf-8")
    assert "**The speech is synthetic**" in text
    for origin in ("eSpeak NG", "BasicMotions", "UCI Machine Learning Repository"):
        assert origin in text


def test_writing_again_gives_the_same_bytes(manifest: Path, tmp_path: Path) -> None:
    first = file_digests(manifest.parent)

    write_dataset(tmp_path / "elsewhere")
    assert file_digests(tmp_path / "elsewhere") == first

    (manifest.parent / "labels.csv").write_text("spoilt")
    write_dataset(manifest.parent)
    assert file_digests(manifest.parent) == first


def test_a_write_that_stops_leaves_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "data" / "sensor").mkdir(parents=True)
    (tmp_path / "data" / "sensor" / "test").write_text("a file where a folder must go")

    with pytest.raises(OSError, match="test"):
        write_dataset(tmp_path / "data")

    assert not (tmp_path / "data" / "manifest.csv").exists()
