"""Writes the factory project as ordinary files and a manifest.

    manifest.csv  labels.csv  README.md
    text/sheet-0001.txt
    vision/photo-0001-a.jpg  vision/photo-0001-b.jpg
    audio/run-0001.wav
    sensor/vibration-0001.csv

All of it is synthetic. The manifest comes last: where it stands, everything that it names stands.
Written twice by the same versions of numpy, scipy and Pillow, every file has the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from spaner.demo.dataset import Row, put, table
from spaner.demo.factory.mess import BROKEN, Entry, spoil, with_mess
from spaner.demo.factory.photos import VIEWS, jpeg
from spaner.demo.factory.products import PRODUCTS, label_texts
from spaner.demo.factory.sheets import sheet
from spaner.demo.factory.sounds import wav
from spaner.demo.factory.units import Unit, draw_units
from spaner.demo.factory.vibration import csv

MANIFEST_COLUMNS = (
    "id",
    "modality",
    "input",
    "concept",
    "item",
    "split",
    "family",
    "defect",
    "true_concept",
    "mess",
    "origin",
)

ORIGIN = "synthetic, spaner demo --factory"

_CONTENTS: Mapping[str, Callable[[Entry], bytes]] = {
    "text": lambda entry: sheet(entry.unit).encode("utf-8"),
    "vision": lambda entry: jpeg(entry.unit, entry.view),
    "audio": lambda entry: wav(entry.unit),
    "sensor": lambda entry: csv(entry.unit),
}


def planned(*, products: int | None = None, units_each: int = 10) -> list[Entry]:
    """Return the rows to be written, of the first `products` products (at least 2; by default all).

    Of ten units of a product six are for training, two for validation and two for the test.
    """
    units = draw_units(PRODUCTS[:products], units_each=units_each)
    return with_mess([entry for unit in units for entry in _entries(unit)])


def write_factory(folder: Path, *, products: int | None = None, units_each: int = 10) -> Path:
    """Write the project, or that of two products or more, into `folder`; return its manifest."""
    entries = planned(products=products, units_each=units_each)
    broken = 0
    for entry in entries:
        content = _CONTENTS[entry.modality](entry)
        if entry.mess == BROKEN:
            content = spoil(content, entry.modality, turn=broken)
            broken += 1
        put(folder / entry.path, content)
    labels = (
        {"concept": product.concept, "text": text}
        for product in PRODUCTS[:products]
        for text in label_texts(product)
    )
    put(folder / "labels.csv", table(("concept", "text"), labels))
    put(folder / "README.md", (files("spaner.demo.factory") / "README.md").read_bytes())
    manifest = folder / "manifest.csv"
    put(manifest, table(MANIFEST_COLUMNS, map(_row, entries)))
    return manifest


def _entries(unit: Unit) -> Iterator[Entry]:
    def entry(modality: str, path: str, view: str = "") -> Entry:
        return Entry(
            modality=modality, path=path, unit=unit, view=view, concept=unit.product.concept
        )

    number = f"{unit.number:04d}"
    yield entry("text", f"text/sheet-{number}.txt")
    for view in VIEWS:
        yield entry("vision", f"vision/photo-{number}-{view}.jpg", view)
    yield entry("audio", f"audio/run-{number}.wav")
    yield entry("sensor", f"sensor/vibration-{number}.csv")


def _row(entry: Entry) -> Row:
    unit = entry.unit
    return {
        "id": Path(entry.path).stem,
        "modality": entry.modality,
        "input": entry.path,
        "concept": entry.concept,
        "item": unit.item,
        "split": unit.split,
        "family": unit.product.family.kind,
        "defect": unit.defect,
        "true_concept": unit.product.concept,
        "mess": entry.mess,
        "origin": ORIGIN,
    }
