"""Keeps vectors of rows in files that are mapped into memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from spaner_core.files.atomic import written_at_end
from spaner_core.space.embeddings import EmbeddingParts
from torch import Tensor

from spaner.index.records import FORMAT_VERSION, FileRecord, IndexKey, broken, describe

SHARD_ROWS = 1 << 16


class Shard:
    """Vectors of some rows, mapped into memory."""

    def __init__(self, path: Path, record: FileRecord) -> None:
        self.path, self.record = path, record
        try:
            with safe_open(path, framework="pt") as content:
                found = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise broken(path, str(error)) from error
        shapes = {name: tuple(tensor.shape[:-1]) for name, tensor in found.items()}
        n = len(self)
        if shapes != {"coarse": (2, n), "exact": (2, n), "products": (2,)}:
            raise broken(path, "it holds other tensors than an index has")
        self._tensors: dict[str, Tensor] = found

    def __len__(self) -> int:
        return self.record.rows

    @property
    def coarse(self) -> Tensor:
        """Directions and pulls (2, n, D) float16, which are scanned."""
        return self._tensors["coarse"]

    @property
    def products(self) -> Tensor:
        """Products of each row's direction and pull, and of its pull with itself (2, n)."""
        return self._tensors["products"]

    def parts(self, places: Tensor) -> EmbeddingParts:
        """Return directions and pulls of the rows at `places` (m,), (m, D) float32 each."""
        return EmbeddingParts(*self._tensors["exact"][:, places])


def parts_at(shards: Sequence[Shard], places: Tensor) -> EmbeddingParts:
    """Return directions and pulls (m, D) of the rows at `places` (m,), in their order."""
    starts = torch.tensor([0, *(len(shard) for shard in shards)]).cumsum(0)
    owners = torch.searchsorted(starts, places, right=True) - 1
    order, found = [], []
    for number in sorted(set(owners.tolist())):
        mine = (owners == number).nonzero().flatten()
        order.append(mine)
        found.append(shards[number].parts(places[mine] - starts[number]))
    if not found:
        return EmbeddingParts(torch.zeros(0, 0), torch.zeros(0, 0))
    back = torch.cat(order).argsort()
    return EmbeddingParts(*(torch.cat(side)[back] for side in zip(*found, strict=True)))


def shard_name(key: IndexKey, contents: Sequence[str]) -> str:
    """Name a shard by what decides its vectors: the key, and the contents in their order."""
    whole = "\n".join([str(FORMAT_VERSION), *asdict(key).values(), *contents])
    return f"shard-{hashlib.sha256(whole.encode()).hexdigest()[:16]}.safetensors"


def write_shard(path: Path, parts: EmbeddingParts) -> FileRecord:
    """Write the vectors of rows, (n, D) float32 each: as they are, and rounded for the scan."""
    exact = torch.stack([parts.direction, parts.pull])
    products = torch.stack([(exact[0] * exact[1]).sum(-1), exact[1].square().sum(-1)])
    content = save({"coarse": exact.half(), "exact": exact, "products": products})
    with written_at_end(path) as partial:
        partial.write_bytes(content)  # save_file would make it readable for its owner alone
    return describe(path, rows=exact.shape[1])
