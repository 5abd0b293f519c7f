"""Tells files, texts and what else people give as inputs apart."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from spaner_core.data.manifest import inline_source
from spaner_core.errors import DataError
from spaner_core.modality import Modality


def sources_of(inputs: str | Path | Iterable[str | Path], modality: Modality) -> list[Path | str]:
    """Return what a transform decodes for one input or several: a `Path`, or the input itself.

    Where the modality takes inputs inline, a `str` is a file only if it has a fitting suffix and
    is spelt as paths are, or the file exists. Raises `DataError` for anything but paths and texts.
    """
    if isinstance(inputs, str | Path):
        return [_source_of(inputs, modality)]
    if isinstance(inputs, bytes) or not isinstance(inputs, Iterable):
        raise _strange(inputs, modality)
    return [_source_of(given, modality) for given in inputs]


def _source_of(given: object, modality: Modality) -> Path | str:
    if isinstance(given, str) and modality.inline:
        return inline_source(given, Path(), suffixes=modality.suffixes)
    if isinstance(given, str | Path):
        return Path(given)
    raise _strange(given, modality)


def _strange(given: object, modality: Modality) -> DataError:
    expected = "a path or the input itself" if modality.inline else "a path"
    return DataError(
        f"an input of {modality.name!r} is of type {type(given).__name__}; expected {expected}, or "
        "a list of them"
    )
