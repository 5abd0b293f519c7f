"""A store of synthetic features, the same as safetensors shards, and the same in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from spaner_core import FeatureSpec
from spaner_core.features.encoding import EncodedSample
from spaner_core.features.rows import FeatureRows, RowSource, load_in_batches
from spaner_core.features.store import FeatureStore
from spaner_core.features.stream import FeatureStream
from spaner_core.features.stream_records import BATCH_ROWS, StreamIdentity
from torch import Tensor

SPEC = FeatureSpec(dim=384, tokens=50, grid=(7, 7), prefix_tokens=1)
ROW_BYTES = 50 * 384 * 2
CONCEPTS = 10
IDENTITY = StreamIdentity(
    modality="synthetic", encoder="none", transform="none", dtype="float16", dim=SPEC.dim
)


@dataclass(frozen=True)
class HeldRows:
    """Rows in memory, converted to float32 when drawn; choosing some copies nothing."""

    values: Tensor
    index: Tensor

    def __len__(self) -> int:
        return len(self.index)

    @property
    def even(self) -> bool:
        """True: all rows have all tokens."""
        return True

    def take(self, index: Tensor) -> HeldRows:
        """Choose the rows at `index`."""
        return HeldRows(self.values, self.index[index])

    def load(self) -> FeatureRows:
        """Copy the rows."""
        values = self.values[self.index].float()
        return FeatureRows(values=values, mask=torch.ones(values.shape[:2], dtype=torch.bool))


def keys_of(rows: int) -> list[str]:
    """Name the rows as the store does, by 64 hexadecimal digits."""
    return [f"{number:064x}" for number in range(rows)]


def synthetic_batches(rows: int) -> Iterator[tuple[range, Tensor]]:
    """Give numbers of rows and their tokens (b, N, E): noise around the mean of a concept."""
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(CONCEPTS, 1, SPEC.dim, generator=generator)
    for start in range(0, rows, BATCH_ROWS):
        numbers = range(start, min(start + BATCH_ROWS, rows))
        noise = torch.randn(len(numbers), SPEC.tokens or 1, SPEC.dim, generator=generator)
        yield numbers, noise + means[torch.tensor(numbers) % CONCEPTS]


def write_both(folder: Path, *, rows: int) -> None:
    """Write the same batches to a store and, under the same numbers, to safetensors shards."""
    stream, keys = FeatureStore(folder / "store").stream(IDENTITY), keys_of(rows)
    (folder / "shards").mkdir()
    mask = torch.ones(SPEC.tokens or 1, dtype=torch.bool)
    with stream.writing():
        for shard, (numbers, tokens) in enumerate(synthetic_batches(rows)):
            samples = {
                keys[n]: EncodedSample(part, mask) for n, part in zip(numbers, tokens, strict=True)
            }
            stream.write(list(samples), samples)
            save_file({"values": tokens.half()}, shard_path(folder, shard))


def shard_path(folder: Path, number: int) -> Path:
    """Return where a shard lies."""
    return folder / "shards" / f"{number:05d}.safetensors"


def open_stream(folder: Path) -> FeatureStream:
    """Open the store that `write_both` wrote."""
    return FeatureStore(folder / "store").stream(IDENTITY)


def hold(features: RowSource, dtype: torch.dtype) -> HeldRows:
    """Bring rows to memory as numbers of `dtype`."""
    values = torch.empty(len(features), SPEC.tokens or 1, SPEC.dim, dtype=dtype)
    start = 0
    for part in load_in_batches(features):
        values[start : start + len(part)] = part.values
        start += len(part)
    return HeldRows(values, torch.arange(len(values)))
