"""Reads and writes one file of the feature store, an Arrow table.

Columns: `key` (text), the SHA-256 of an input; `values`, the sample's tokens, a list of lists of
E numbers of 16 or 32 bits; `padding`, places of tokens that are not real (mostly none). Numbers
stand uncompressed, so that rows are read from where they lie.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from pyarrow import compute as pc
from pyarrow import ipc

from spaner_core.devices import one_thread
from spaner_core.errors import DataError, UnusableInput
from spaner_core.features.encoding import EncodedSample
from spaner_core.files.atomic import written_at_end
from spaner_core.files.ordinary import open_ordinary

SUFFIX = ".arrow"
DTYPES = {"float16": torch.float16, "float32": torch.float32}
_ARROW_DTYPES = {"float16": pa.float16(), "float32": pa.float32()}
METADATA = b"spaner"
_NAME = re.compile(rf"[0-9a-f]{{16}}{re.escape(SUFFIX)}")


class DamagedFile(ValueError):  # noqa: N818  (a finding, which nobody but the stream sees)
    """A file of the store that cannot be used; it counts as not there."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchFile:
    """Where the samples of one file lie.

    `keys` names the samples; tokens of sample i are rows `starts[i]` to `starts[i + 1]` of a
    matrix of `dtype`, `dim` wide, that begins `offset_bytes` into the file; `padding[i]` are the
    places of those that are not real. `stamp` is that of the file when it was looked at.
    """

    path: Path
    stamp: tuple[int, int, int]
    keys: tuple[str, ...]
    starts: tuple[int, ...]
    padding: tuple[tuple[int, ...], ...]
    offset_bytes: int
    dim: int
    dtype: torch.dtype

    def tokens(self, sample: int) -> int:
        """Return how many tokens a sample has."""
        return self.starts[sample + 1] - self.starts[sample]

    def span_bytes(self, sample: int) -> tuple[int, int]:
        """Return where a sample's tokens begin and end in the file."""
        width = self.dim * self.dtype.itemsize
        start, stop = self.starts[sample], self.starts[sample + 1]
        return self.offset_bytes + start * width, self.offset_bytes + stop * width


def file_name(keys: Sequence[str]) -> str:
    """Return the name of the file that holds these samples."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16] + SUFFIX


def is_file_name(name: str) -> bool:
    """Tell whether a name is one that the store gives, and hardly anybody else."""
    return _NAME.fullmatch(name) is not None


def is_of_store(path: Path) -> bool:
    """Tell whether a file of such a name is the store's: it says so, unless it is damaged."""
    if not path.is_file():
        return False
    try:
        with pa.memory_map(os.fsencode(path.absolute())) as file, ipc.open_file(file) as reader:
            return METADATA in (reader.schema.metadata or {})
    except (pa.ArrowException, OSError):
        return True


def stamp_of(stat: os.stat_result) -> tuple[int, int, int]:
    """Return what another file under the same name would not have."""
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def fitting(sample: EncodedSample, *, dtype: str) -> EncodedSample | UnusableInput:
    """Return the sample, or why its features cannot be kept as `dtype`."""
    largest, most = float(sample.values.abs().max()), torch.finfo(DTYPES[dtype]).max
    if largest <= most:
        return sample
    return UnusableInput(
        f"its features reach {largest:.3g}, {dtype} holds numbers up to {most:.0f}; set "
        "features.dtype to float32 in plugins.yaml"
    )


def write_batch_file(
    path: Path, samples: Mapping[str, EncodedSample], *, dtype: str, identity: Mapping[str, Any]
) -> None:
    """Write samples by key, atomically. `identity` says whose features they are.

    Raises `DataError` where a feature is too large for `dtype`.
    """
    with one_thread():  # it only copies; threads that wait for one another cost seconds
        parts = [sample.values.to(DTYPES[dtype]).numpy() for sample in samples.values()]
    values = np.concatenate(parts)
    if not np.isfinite(values).all():
        largest = max(float(sample.values.abs().max()) for sample in samples.values())
        raise DataError(
            f"features reach {largest:.3g}, {dtype} holds numbers up to "
            f"{torch.finfo(DTYPES[dtype]).max:.0f}; set features.dtype to float32 in plugins.yaml"
        )
    tokens = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    counts = [len(sample.values) for sample in samples.values()]
    padding = [torch.nonzero(~sample.mask).flatten().tolist() for sample in samples.values()]
    columns = {
        "key": pa.array(samples, pa.string()),
        "values": pa.ListArray.from_arrays(pa.array(np.cumsum([0, *counts]), pa.int32()), tokens),
        "padding": pa.array(padding, pa.list_(pa.int32())),
    }
    _write(path, pa.record_batch(columns), identity)


def copy_batch_file(
    source: Path, target: Path, *, keys: Set[str], identity: Mapping[str, Any]
) -> None:
    """Write the samples of `source` that are among `keys` to `target`, bit by bit the same."""
    content, _ = _mapped(source)
    with ipc.open_file(content) as reader:
        batch = reader.get_batch(0)
        kept = batch.filter(pc.is_in(batch["key"], pa.array(sorted(keys), pa.string())))
        _write(target, kept, identity)


def _write(path: Path, batch: pa.RecordBatch, identity: Mapping[str, Any]) -> None:
    tokens, places = batch["values"].values, _places(batch)
    content = np.frombuffer(tokens.values.buffers()[1], np.uint8)
    described = {
        "identity": dict(identity),
        "places": _fingerprint(*places),
        "edges": _edges(content, places[1], tokens),
    }
    schema = batch.schema.with_metadata({METADATA: json.dumps(described, sort_keys=True)})
    with (
        written_at_end(path) as partial,
        partial.open("wb") as file,
        ipc.new_file(file, schema) as writer,
    ):
        writer.write_batch(batch.replace_schema_metadata(schema.metadata))


def read_batch_file(path: Path, *, identity: Mapping[str, Any]) -> BatchFile:
    """Find where the samples of a file lie; their tokens are not read.

    Raises `DamagedFile` where the file is damaged or holds features of another identity.
    """
    try:
        content, stamp = _mapped(path)
        with ipc.open_file(content) as reader:
            described = json.loads((reader.schema.metadata or {})[METADATA])
            if described["identity"] != json.loads(json.dumps(identity)):
                raise DamagedFile("it holds features of another encoder, preparation or dtype")
            batch = reader.get_batch(0)
            batch.validate(full=True)
            keys, starts, padding = _places(batch)
            tokens = batch.column("values").values
            expected = pa.list_(_ARROW_DTYPES[identity["dtype"]], identity["dim"])
            places = _fingerprint(keys, starts, padding)
            edges = _edges(np.frombuffer(tokens.values.buffers()[1], np.uint8), starts, tokens)
            if (tokens.type, described["places"], described["edges"]) != (expected, places, edges):
                raise DamagedFile("its samples do not lie where they were written")
            return BatchFile(
                path=path,
                stamp=stamp,
                keys=tuple(keys),
                starts=tuple(starts),
                padding=tuple(map(tuple, padding)),
                offset_bytes=tokens.values.buffers()[1].address - content.address,
                dim=identity["dim"],
                dtype=DTYPES[identity["dtype"]],
            )
    except (pa.ArrowException, AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise DamagedFile(f"it is damaged ({error})") from error


def _mapped(path: Path) -> tuple[pa.Buffer, tuple[int, int, int]]:
    """Map an ordinary file to memory; return that with the file's stamp."""
    with open_ordinary(path) as file:  # by Python: Arrow takes no names that are not UTF-8
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return pa.py_buffer(mapped), stamp_of(os.fstat(file.fileno()))


_Places: TypeAlias = tuple[list[str], list[int], list[list[int]]]


def _places(batch: pa.RecordBatch) -> _Places:
    """Read keys, starts and padding of a file's samples."""
    columns = (batch["key"], batch["values"].offsets, batch["padding"])
    keys, starts, padding = (column.to_pylist() for column in columns)
    return keys, starts, padding


def _edges(content: NDArray[np.uint8], starts: Sequence[int], tokens: pa.Array) -> str:
    """Hash the first and the last token of all: elsewhere, every number would be another's."""
    width = tokens.type.list_size * tokens.type.value_type.bit_width // 8
    first, last = starts[0] * width, (starts[-1] - 1) * width
    ends = content[first : first + width].tobytes() + content[last : last + width].tobytes()
    return hashlib.sha256(ends).hexdigest()


def _fingerprint(
    keys: Sequence[str], starts: Sequence[int], padding: Sequence[Sequence[int]]
) -> str:
    """Tell whether a sample's tokens are where they were written: one wrong bit gives others'."""
    return hashlib.sha256(json.dumps([keys, starts, padding]).encode()).hexdigest()
