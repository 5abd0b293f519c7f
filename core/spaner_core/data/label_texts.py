"""Reads label texts: how concepts are called, for the shared prompt."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from spaner_core.data.names import UNNAMEABLE, compose
from spaner_core.data.tables import long_cells
from spaner_core.errors import DataError
from spaner_core.files.ordinary import read_small

COLUMNS = ("concept", "text")


def read_label_texts(path: Path) -> dict[str, tuple[str, ...]]:
    """Read a CSV file with the columns `concept` and `text`; several rows of one concept add up.

    Both are composed, as names are compared and as a concept without a text is called.
    Raises `DataError` naming file and line where it cannot be used.
    """
    try:
        text = io.StringIO(read_small(path).decode("utf-8-sig"), newline="")
        with long_cells():
            return _texts(path, csv.DictReader(text, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); expected a CSV "
            "file in UTF-8 with the columns concept and text"
        ) from error


def _texts(path: Path, reader: csv.DictReader[str]) -> dict[str, tuple[str, ...]]:
    header = tuple(reader.fieldnames or ())
    if not set(COLUMNS) <= set(header):
        raise DataError(
            f"{path}:1: has the columns {', '.join(header) or 'none'}; expected concept and text"
        )
    texts: dict[str, list[str]] = {}
    for row in reader:
        concept, text = (compose((row[column] or "").strip()) for column in COLUMNS)
        if not concept or not text:
            raise DataError(
                f"{path}:{reader.line_num}: concept or text is empty; fill it in or remove the row"
            )
        if UNNAMEABLE.search(concept):
            raise DataError(
                f"{path}:{reader.line_num}: concept: got {concept!r}; expected no line break or "
                "other control character; remove it"
            )
        texts.setdefault(concept, []).append(text)
    return {concept: tuple(several) for concept, several in texts.items()}


def complete_label_texts(
    concepts: Iterable[str], given: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return texts for every concept, sorted; one without given texts is called by its own name."""
    return {
        concept: given.get(concept, (concept,)) for concept in sorted({*concepts, *given.keys()})
    }
