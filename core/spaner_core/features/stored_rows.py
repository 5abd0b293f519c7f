"""Loads rows of features from files when they are needed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import RawIOBase

import torch
from torch import Tensor

from spaner_core.devices import one_thread
from spaner_core.errors import DataError
from spaner_core.features.batch_files import BatchFile, stamp_of
from spaner_core.features.rows import FeatureRows
from spaner_core.files.ordinary import open_unbuffered
from spaner_core.progress import spent


class StoredRows:
    """Rows of a stream; `places` (n, 2) int64 holds each one's file and its sample there."""

    def __init__(self, files: Sequence[BatchFile], places: Tensor, *, dim: int) -> None:
        self.files, self.places, self.dim = files, places, dim

    def __len__(self) -> int:
        return len(self.places)

    @property
    def even(self) -> bool:
        """Whether every row has the same number of tokens and none of them is padding."""
        counts = set()
        for number, sample in self.places.tolist():
            file = self.files[number]
            counts.add(file.tokens(sample))
            if file.padding[sample] or len(counts) > 1:
                return False
        return True

    def take(self, index: Tensor) -> StoredRows:
        """Choose the rows at `index` (m,), in its order, without loading them."""
        return StoredRows(self.files, self.places[index], dim=self.dim)

    def load(self) -> FeatureRows:
        """Bring the rows to memory, as float32."""
        if not len(self):
            return FeatureRows(values=torch.zeros(0, 1, self.dim), mask=torch.zeros(0, 1).bool())
        with spent("store"), one_thread():
            places = [(self.files[number], sample) for number, sample in self.places.tolist()]
            counts = torch.tensor([file.tokens(sample) for file, sample in places])
            there = torch.arange(int(counts.max())) < counts.unsqueeze(1)  # (n, N)
            joined = self._read(places, tokens=int(counts.sum())).float()
            if there.all():
                values = joined.view(*there.shape, self.dim)
            else:
                values = joined.new_zeros(*there.shape, self.dim)
                values[there] = joined
            for row, (file, sample) in enumerate(places):
                if file.padding[sample]:
                    there[row, list(file.padding[sample])] = False
            return FeatureRows(values=values, mask=there)

    def _read(self, places: Sequence[tuple[BatchFile, int]], *, tokens: int) -> Tensor:
        """Read the tokens of samples, one below the other, (tokens, E) as they are stored.

        Not by memory maps: with rows drawn from a store larger than what may stay mapped, nearly
        every row needs a new map and its page faults, which took three times as long. Each file is
        opened once, wherever its samples stand among the others.
        """
        joined = torch.empty(tokens, self.dim, dtype=places[0][0].dtype)
        space, filled = joined.view(-1).view(torch.uint8).numpy().data, 0
        wanted: dict[BatchFile, list[tuple[int, memoryview]]] = {}
        for file, sample in places:
            start, stop = file.span_bytes(sample)
            wanted.setdefault(file, []).append((start, space[filled : filled + stop - start]))
            filled += stop - start
        for file, spans in wanted.items():
            with _opened(file) as content:
                for start, span in spans:
                    content.seek(start)
                    if content.readinto(span) != len(span):
                        raise OSError("it ends too early")
        return joined


@contextmanager
def _opened(file: BatchFile) -> Iterator[RawIOBase]:
    try:
        with open_unbuffered(file.path) as content:
            if stamp_of(os.fstat(content.fileno())) != file.stamp:
                raise OSError("it was written anew")
            yield content
    except OSError as error:
        raise DataError(
            f"{file.path}: cannot be read any more, though it was there "
            f"({error.strerror or error}); was the store pruned meanwhile? Run the command again"
        ) from error
