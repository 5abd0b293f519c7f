"""Rows of features that lie in files, loaded when they are needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor

from spaner_core.errors import DataError
from spaner_core.features.batch_files import BatchFile
from spaner_core.features.rows import FeatureRows
from spaner_core.profiling import spent
from spaner_core.threads import one_thread

MAPPED_BYTES = 256 * 2**20
"""Files mapped at a time: pages that were read count as the process's memory until unmapped."""


class MappedFiles:
    """Memory maps of batch files, those used last; older ones are unmapped."""

    def __init__(self, *, most_bytes: int = MAPPED_BYTES) -> None:
        self._most_bytes = most_bytes
        self._maps: OrderedDict[BatchFile, Tensor] = OrderedDict()
        self._bytes = 0

    def tokens(self, file: BatchFile) -> Tensor:
        """Return the tokens of a file's samples, (tokens, E).

        Raises `DataError` where the file is gone.
        """
        if file in self._maps:
            self._maps.move_to_end(file)
            return self._maps[file]
        try:
            mapped = file.map()
        except (OSError, RuntimeError) as error:
            raise DataError(
                f"{file.path}: cannot be read any more, though it was there ({error}); was the "
                "store pruned meanwhile? Run the command again"
            ) from error
        self._maps[file] = mapped
        self._bytes += file.size_bytes
        while self._bytes > self._most_bytes and len(self._maps) > 1:
            oldest, _ = self._maps.popitem(last=False)
            self._bytes -= oldest.size_bytes
        return mapped


class StoredRows:
    """Rows of a stream; `places` (n, 2) int64 holds each one's file and its sample there."""

    def __init__(
        self, files: Sequence[BatchFile], places: Tensor, *, dim: int, maps: MappedFiles
    ) -> None:
        self.files, self.places, self.dim, self.maps = files, places, dim, maps

    def __len__(self) -> int:
        return len(self.places)

    @property
    def even(self) -> bool:
        """Whether every row has the same number of tokens and none of them is padding."""
        counts = set()
        for number, sample in self.places.tolist():
            file = self.files[number]
            counts.add(file.starts[sample + 1] - file.starts[sample])
            if file.padding[sample] or len(counts) > 1:
                return False
        return True

    def take(self, index: Tensor) -> StoredRows:
        """Choose the rows at `index` (m,), in its order, without loading them."""
        return StoredRows(self.files, self.places[index], dim=self.dim, maps=self.maps)

    def load(self) -> FeatureRows:
        """Bring the rows to memory, as float32."""
        if not len(self):
            return FeatureRows(values=torch.zeros(0, 1, self.dim), mask=torch.zeros(0, 1).bool())
        with spent("store"), one_thread():
            places = [(self.files[number], sample) for number, sample in self.places.tolist()]
            tokens = [
                self.maps.tokens(file)[file.starts[sample] : file.starts[sample + 1]]
                for file, sample in places
            ]
            counts = torch.tensor([len(part) for part in tokens])
            there = torch.arange(int(counts.max())) < counts.unsqueeze(1)  # (n, N)
            joined = torch.cat(tokens).float()
            if there.all():
                values = joined.view(*there.shape, self.dim)
            else:
                values = joined.new_zeros(*there.shape, self.dim)
                values[there] = joined
            for row, (file, sample) in enumerate(places):
                if file.padding[sample]:
                    there[row, list(file.padding[sample])] = False
            return FeatureRows(values=values, mask=there)
