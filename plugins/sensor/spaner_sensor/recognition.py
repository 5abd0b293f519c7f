"""Tells series by their first bytes; imports nothing heavy."""

from __future__ import annotations

_BEGINNINGS = (b"PAR1", b"ARROW1", b"\x93NUMPY")
_TEXTS = (".csv", ".tsv")
_DELIMITERS = ",;\t"


def is_series(head: bytes, suffix: str | None) -> bool:
    """Tell whether an input may be a table of numbers: Parquet, Arrow, NumPy, CSV or TSV."""
    if head.startswith(_BEGINNINGS):
        return True
    if b"\0" in head or suffix not in (*_TEXTS, None):
        return False
    return suffix in _TEXTS or _is_table(head.decode("utf-8-sig", "replace"))


def _is_table(text: str) -> bool:
    """Tell whether rows of numbers stand below a header of as many cells."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 3:
        return False
    header, *rows = lines[:-1]  # the last may be cut off
    for delimiter in _DELIMITERS:
        width = header.count(delimiter) + 1
        if width > 1 and all(_is_row(row.split(delimiter), width) for row in rows):
            return True
    return False


def _is_row(cells: list[str], width: int) -> bool:
    return len(cells) == width and any(map(_is_number, cells))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
