"""Looks at and changes the folder of a test's project."""

from __future__ import annotations

import csv
from pathlib import Path


def picture(folder: Path, number: int = 0) -> Path:
    return sorted((folder / "vision" / "test").iterdir())[number]


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
