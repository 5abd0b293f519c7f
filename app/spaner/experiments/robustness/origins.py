"""Tells from the manifest's column `origin` which rows are made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spaner_core.data.manifest import Row

COLUMN, MADE_UP = "origin", "synthetic"


def synthetic_modalities(rows: Mapping[str, Sequence[Row]]) -> tuple[str, ...]:
    """Name the modalities with a row whose `origin` begins with "synthetic"."""
    return tuple(name for name, part in rows.items() if any(map(_is_synthetic, part)))


def synthetic_words(names: Iterable[str]) -> str:
    """Return what a title adds so that made-up rows do not pass for real ones; may be empty."""
    listed = ", ".join(names)
    return f"; {MADE_UP}: {listed}" if listed else ""


def _is_synthetic(row: Row) -> bool:
    return row.metadata.get(COLUMN, "").lower().startswith(MADE_UP)
