"""One file of the feature store: a batch of samples as an Arrow table.

Columns: `key` (text), the SHA-256 of an input; `values`, the sample's tokens, a list of lists of
E numbers of 16 or 32 bits; `padding`, places of tokens that are not real (mostly none). Numbers
stand uncompressed, so that rows are read from where they lie.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from pyarrow import compute as pc
from pyarrow import ipc
from torch import Tensor

from spaner_core.errors import DataError
from spaner_core.features.encoding import EncodedSample
from spaner_core.writing import written_at_end

SUFFIX = ".arrow"
DTYPES = {"float16": torch.float16, "float32": torch.float32}
METADATA = b"spaner"


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchFile:
    """Where the samples of one file lie.

    `keys` names the samples; tokens of sample i are rows `starts[i]` to `starts[i + 1]` of a
    matrix of `dtype`, `dim` wide, that begins `offset_bytes` into the file; `padding[i]` are the
    places of those that are not real.
    """

    path: Path
    size_bytes: int
    keys: tuple[str, ...]
    starts: tuple[int, ...]
    padding: tuple[tuple[int, ...], ...]
    offset_bytes: int
    dim: int
    dtype: torch.dtype

    @property
    def even_tokens(self) -> int | None:
        """The number of tokens that every sample has, None where it differs or some are padding."""
        counts = {stop - start for start, stop in zip(self.starts, self.starts[1:], strict=False)}
        return counts.pop() if len(counts) == 1 and not any(self.padding) else None

    def map(self) -> Tensor:
        """Map the tokens of all samples to memory, (tokens, E); none is read before it is used."""
        # torch closes the file at once, where other maps each hold one of the process's 1,024
        content = torch.from_file(
            str(self.path), shared=False, size=self.size_bytes, dtype=torch.uint8
        )
        stop = self.offset_bytes + self.starts[-1] * self.dim * self.dtype.itemsize
        return content[self.offset_bytes : stop].view(self.dtype).view(-1, self.dim)


def write_batch_file(
    path: Path, samples: Mapping[str, EncodedSample], *, dtype: str, identity: Mapping[str, Any]
) -> None:
    """Write samples by key, atomically. `identity` says whose features they are.

    Raises `DataError` where a feature is too large for `dtype`.
    """
    values = torch.cat([sample.values for sample in samples.values()]).to(DTYPES[dtype])
    if not torch.isfinite(values).all():
        largest = max(float(sample.values.abs().max()) for sample in samples.values())
        raise DataError(
            f"features reach {largest:.3g}, {dtype} holds numbers up to "
            f"{torch.finfo(DTYPES[dtype]).max:.0f}; set features.dtype to float32 in plugins.yaml"
        )
    tokens = pa.FixedSizeListArray.from_arrays(pa.array(values.numpy().ravel()), values.shape[1])
    counts = [len(sample.values) for sample in samples.values()]
    padding = [torch.nonzero(~sample.mask).flatten().tolist() for sample in samples.values()]
    table = pa.table(
        {
            "key": pa.array(samples, pa.string()),
            "values": pa.ListArray.from_arrays(
                pa.array(np.cumsum([0, *counts]), pa.int32()), tokens
            ),
            "padding": pa.array(padding, pa.list_(pa.int32())),
        }
    ).replace_schema_metadata({METADATA: json.dumps(identity, sort_keys=True)})
    with written_at_end(path) as partial, ipc.new_file(str(partial), table.schema) as writer:
        writer.write_table(table)


def copy_batch_file(source: Path, target: Path, *, keys: Set[str]) -> None:
    """Write the samples of `source` that are among `keys` to `target`, bit by bit the same."""
    with pa.memory_map(str(source)) as file, ipc.open_file(file) as reader:
        table = reader.read_all()
        kept = table.filter(pc.is_in(table["key"], pa.array(sorted(keys), pa.string())))
        with written_at_end(target) as partial, ipc.new_file(str(partial), kept.schema) as writer:
            writer.write_table(kept.combine_chunks())


def read_batch_file(path: Path, *, identity: Mapping[str, Any]) -> BatchFile:
    """Find where the samples of a file lie; their tokens are not read.

    Raises `ValueError` where the file is damaged or holds features of another identity.
    """
    try:
        with pa.memory_map(str(path)) as file:
            size = file.size()
            beginning = file.read_buffer(size).address
            file.seek(0)
            reader = ipc.open_file(file)
            stored = json.loads((reader.schema.metadata or {}).get(METADATA, b"null"))
            if stored != json.loads(json.dumps(identity)):
                raise ValueError("it holds features of another encoder, preparation or dtype")
            batch = reader.get_batch(0)
            batch.validate(full=True)
            values, tokens = batch.column("values"), batch.column("values").values
            return BatchFile(
                path=path,
                size_bytes=size,
                keys=tuple(batch.column("key").to_pylist()),
                starts=tuple(values.offsets.to_pylist()),
                padding=tuple(map(tuple, batch.column("padding").to_pylist())),
                offset_bytes=tokens.values.buffers()[1].address - beginning,
                dim=tokens.type.list_size,
                dtype=DTYPES[str(identity["dtype"])],
            )
    except (pa.ArrowException, KeyError, OSError, TypeError, AttributeError) as error:
        raise ValueError(f"it is damaged ({error})") from error
