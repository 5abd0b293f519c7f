"""Manifests written in every format, from the same records."""

from __future__ import annotations

import csv
from pathlib import Path

COLUMNS = ("id", "modality", "input", "concept", "item", "split", "place")
RECORDS = (
    ("a1", "picture", "pictures/a.png", "cat", "7", "train", "Zürich"),
    ("", "caption", 'a cat, "sitting"\non a mat', "cat", "", "train", ""),
    ("a1", "picture", "pictures/a.png", "animal", "7", "train", "Zürich"),
    ("b", "picture", "pictures/b.png", "", "9", "test", "Bern"),
)


def write_csv(path: Path, columns: tuple[str, ...], records: tuple[tuple[str, ...], ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *records])
    return path


def write_text(tmp_path: Path, text: str, *, name: str = "m.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path
