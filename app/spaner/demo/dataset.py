"""Writes the embedded data as ordinary files and a manifest.

    manifest.csv  labels.csv  README.md
    vision/<split>/digit-0001.png
    audio/<split>/<voice>/<concept>.flac
    sensor/<split>/motion-00.csv

The manifest comes last: where it stands, everything that it names stands. Written twice, every
file has the same bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import groupby
from pathlib import Path

from spaner.demo.texts import CONCEPTS, DIGITS, demo_texts, label_texts

PLUGINS_YAML = "plugins.yaml"
"""The configuration of the demonstration, a file of this package."""

MANIFEST_COLUMNS = (
    "id",
    "modality",
    "input",
    "concept",
    "split",
    "language",
    "voice",
    "accent",
    "source",
    "origin",
)
CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
TRAIN_IMAGES = 1200
VALIDATION_IMAGES = 200

Row = Mapping[str, str]


def write_dataset(folder: Path) -> Path:
    """Write the whole data set into `folder` and return the path of its manifest."""
    rows = [*_texts(), *_images(folder), *_speech(folder), *_motions(folder)]
    labels = ({"concept": concept, "text": text} for concept, text in label_texts())
    put(folder / "labels.csv", table(("concept", "text"), labels))
    put(folder / "README.md", (_data() / "README.md").read_bytes())
    manifest = folder / "manifest.csv"
    put(manifest, table(MANIFEST_COLUMNS, rows))
    return manifest


def _texts() -> Iterator[Row]:
    for number, text in enumerate(demo_texts(), start=1):
        yield {
            "id": f"text-{number:04d}",
            "modality": "text",
            "input": text.text,
            "concept": text.concept,
            "split": text.split,
            "language": text.language,
            "origin": "written for this data set",
        }


def _images(folder: Path) -> Iterator[Row]:
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    # 17 levels of ink, 0 to 16, stretched over the whole range of grey
    pixels = (digits.images * (255 / 16)).round().astype("uint8")
    for number, (image, digit) in enumerate(zip(pixels, digits.target, strict=True), start=1):
        split = _image_split(number)
        path = f"vision/{split}/digit-{number:04d}.png"
        content = io.BytesIO()
        Image.fromarray(image).save(content, format="PNG")
        put(folder / path, content.getvalue())
        yield {
            "id": f"vision-{number:04d}",
            "modality": "vision",
            "input": path,
            "concept": DIGITS[digit],
            "split": split,
            "source": _neighbours(number),
            "origin": "handwritten digits, scikit-learn",
        }


def _image_split(number: int) -> str:
    """Split by place in the source, which is sorted by writer; `number` counts from 1."""
    if number <= TRAIN_IMAGES:
        return "train"
    return "validation" if number <= TRAIN_IMAGES + VALIDATION_IMAGES else "test"


def _neighbours(number: int) -> str:
    """Name the 200 images that stand together in the source: they are of one or two writers."""
    first = (number - 1) // 200 * 200 + 1
    return f"images {first} to {first + 199}"


def _speech(folder: Path) -> Iterator[Row]:
    source = _data() / "speech"
    voices = csv.DictReader(io.StringIO((source / "voices.csv").read_text(encoding="utf-8")))
    for voice in voices:
        for concept in CONCEPTS:
            place = f"{voice['split']}/{voice['voice']}/{concept}.flac"
            put(folder / "audio" / place, source.joinpath(*place.split("/")).read_bytes())
            yield {
                "id": f"audio-{voice['voice']}-{concept}",
                "modality": "audio",
                "input": f"audio/{place}",
                "concept": concept,
                "split": voice["split"],
                "language": "en",
                "voice": voice["voice"],
                "accent": voice["accent"],
                "source": f"voice {voice['voice']}",
                "origin": f"synthetic speech, {voice['synthesiser']}",
            }


def _motions(folder: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = (_data() / "motions.parquet").read_bytes()
    # one thread: Arrow's own would let go of the bytes when Python may have ended
    steps = pq.read_table(pa.BufferReader(content), use_threads=False).to_pylist()
    for series, group in groupby(steps, key=lambda step: step["series"]):
        recording = list(group)
        split, _, number = series.rpartition("-")
        path = f"sensor/{split}/motion-{number}.csv"
        # Six decimals are what the source has, so this undoes its rounding to float32.
        values = [{name: f"{step[name]:.6f}" for name in CHANNELS} for step in recording]
        put(folder / path, table(CHANNELS, values))
        yield {
            "id": f"sensor-{series}",
            "modality": "sensor",
            "input": path,
            "concept": recording[0]["activity"],
            "split": split,
            "source": f"series {series}",
            "origin": "BasicMotions, UEA archive",
        }


def _data() -> Traversable:
    return files("spaner.demo") / "data"


def table(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    """Return rows as CSV, with the same line ends on every system."""
    text = io.StringIO()
    written = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    written.writeheader()
    written.writerows(rows)
    return text.getvalue().encode("utf-8")


def put(path: Path, content: bytes) -> None:
    """Write one file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
