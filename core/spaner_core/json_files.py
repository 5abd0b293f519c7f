"""Reads the JSON of records and receipts, refusing what two readers may take differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spaner_core.ordinary_files import read_small

DEEPEST = 40
"""Objects and lists in one another; nothing that is written here comes near."""


def read_json(path: Path) -> Any:
    """Read a small file of JSON. Raises `OSError` as `read_small`, `ValueError` as `parse_json`."""
    return parse_json(read_small(path))


def parse_json(content: bytes) -> Any:
    """Parse JSON in UTF-8.

    Raises `ValueError` for what is none, for a key that stands twice in an object, and for what
    is nested too deep.
    """
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_unique_keys)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    _check_depth(value)
    return value


def _unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"it has the key {key!r} twice")
        found[key] = value
    return found


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            part
            for whole in level
            if isinstance(whole, dict | list)
            for part in (whole.values() if isinstance(whole, dict) else whole)
        ]
    if level:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
