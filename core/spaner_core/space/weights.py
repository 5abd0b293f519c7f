"""Reads model.safetensors, its header first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from spaner_core.errors import SpaceError
from spaner_core.files.documents import parse_json
from spaner_core.files.ordinary import open_ordinary

LARGEST_HEADER = 2**20
"""Bytes of the largest header that is read: thousands of tensors."""

LARGEST_WEIGHTS = 2**32
"""Bytes of the largest file of weights that is read; aligners are small."""

_LENGTH = 8  # bytes at the beginning that say how long the header is


class Described(NamedTuple):
    """What a header says of a tensor, e.g. F32 (4, 8)."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


Header = Mapping[str, Described]
"""The tensors of a file by name."""


class StoredWeights(NamedTuple):
    """A file of weights that was looked at: its header, and its size."""

    header: Header
    size_bytes: int


def look_at_weights(path: Path) -> StoredWeights:
    """Read a file's header alone. Raises `SpaceError` where the file cannot be what it says."""
    with reading(path), open_ordinary(path) as file:
        return _look_at(file)


def read_weights(path: Path, *, check: Callable[[StoredWeights], None]) -> dict[str, Tensor]:
    """Read a file's tensors, once `check` has raised nothing about its header.

    Raises `SpaceError` where they cannot be read.
    """
    with reading(path), open_ordinary(path) as file:
        stored = _look_at(file)
        check(stored)
        file.seek(0)
        content = file.read(stored.size_bytes)
        try:
            return dict(load(content))
        except (SafetensorError, LookupError, TypeError) as error:
            raise ValueError(str(error)) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what reading a file of a space raises into a `SpaceError` that names it."""
    try:
        yield
    except PermissionError as error:
        raise SpaceError(f"{path} may not be read; ask its owner for permission") from error
    except (OSError, ValueError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise SpaceError(
            f"{path} cannot be read ({reason}); restore it from a copy, or train anew"
        ) from error


def _look_at(file: BufferedReader) -> StoredWeights:
    size = os.fstat(file.fileno()).st_size
    if size > LARGEST_WEIGHTS:
        raise ValueError(f"it has {size} bytes, more than any aligner needs")
    length = int.from_bytes(file.read(_LENGTH), "little")
    if not 0 < length <= min(LARGEST_HEADER, size):
        raise ValueError(f"its header would have {length} bytes")
    content = parse_json(file.read(length))
    if not isinstance(content, dict):
        raise ValueError("its header is no JSON object")
    content.pop("__metadata__", None)
    entries = {name: _Entry.read(name, entry) for name, entry in content.items()}
    end = max((entry.end for entry in entries.values()), default=0)
    if size != _LENGTH + length + end:
        raise ValueError(f"it has {size} bytes, its header says {_LENGTH + length + end}")
    return StoredWeights({name: entry.tensor for name, entry in entries.items()}, size)


class _Entry(NamedTuple):
    tensor: Described
    end: int  # of its bytes, behind the header

    @classmethod
    def read(cls, name: str, entry: Any) -> _Entry:
        try:
            dtype, shape, (_, end) = (entry[key] for key in ("dtype", "shape", "data_offsets"))
            if isinstance(dtype, str) and all(type(n) is int and n >= 0 for n in (*shape, end)):
                return cls(Described(dtype, tuple(shape)), end)
        except (KeyError, TypeError, ValueError):
            pass
        raise ValueError(f"its header does not say where {name!r} lies")
