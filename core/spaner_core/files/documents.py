"""Reads and writes JSON, refusing what two readers may take differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from spaner_core.files.atomic import written_at_end
from spaner_core.files.ordinary import LARGEST, read_small

KindT = TypeVar("KindT")
"""What a document holds: a dataclass, or lists and dicts of plain values."""

_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}

DEEPEST = 40
"""Objects and lists in one another; nothing that is written here comes near."""


def read_json(path: Path, *, largest: int = LARGEST) -> Any:
    """Read a small file of JSON. Raises `OSError` as `read_small`, `ValueError` as `parse_json`."""
    return parse_json(read_small(path, largest=largest))


def read_versioned(path: Path, *, largest: int = LARGEST) -> tuple[Any, dict[str, Any]]:
    """Read a document; return its `format_version`, and its other keys.

    Raises as `read_json`, and `ValueError` for what is no object or has no version.
    """
    content = read_json(path, largest=largest)
    if not isinstance(content, dict) or "format_version" not in content:
        raise ValueError("it has no format_version")
    return content.pop("format_version"), content


def fit(content: object, kind: type[KindT]) -> KindT:
    """Make what was read a `kind`. Raises `ValueError` that says where it is not and why."""
    try:
        fitting: KindT = _adapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(key) for key in first["loc"])
        said = f"{where}: {first['msg']}".removeprefix(": ")
        raise ValueError(said.replace("Value error, ", "")) from error
    return fitting


def read_or(default: KindT, path: Path, *, kind: type[KindT], largest: int = LARGEST) -> KindT:
    """Read what `write_json` wrote; `default` where that is not there, or damaged."""
    try:
        found: KindT = _adapter(kind).validate_json(read_small(path, largest=largest))
    except (OSError, ValueError):
        return default
    return found


def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Prepare the reading of a kind, once, as that takes longer than the reading."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def write_json(path: Path, value: object, *, indent: int | None = 2) -> None:
    """Write a value in place of the file that is there, whole or not at all."""
    with written_at_end(path) as partial:
        partial.write_text(json.dumps(value, indent=indent), encoding="utf-8")


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
