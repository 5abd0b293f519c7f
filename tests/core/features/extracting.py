"""Extracts toy sources to a store, with encoders that note what they are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from spaner_core.features.extraction import Extraction, extract_stored
from spaner_core.features.stream import FeatureStream
from spaner_core.features.stream_records import BATCH_ROWS
from spaner_core.pretrained.freeze import FrozenEncoder
from torch import Tensor, nn

from tests.core.features.stored_samples import IDENTITY
from tests.toy_modality import ToyEncoder, ToyOptions, ToyTransform, Window

TRANSFORM = ToyTransform(ToyOptions())
SOURCES = ["1 2 3", "1 0 0; 0 1 0 | 4 5 6", "7 8 9 | 1 1 1 | 2 2 2; 3 3 3", "0 0 1; 0 0 2"]
MANY = [f"{number} 0 {number % 7}" for number in range(3 * BATCH_ROWS + 10)]


class Recording(ToyEncoder, nn.Module):
    """Remembers what it was given; `stops_at` windows it is interrupted; `drifts` as it works."""

    def __init__(self, *, stops_at: int | None = None, drifts: bool = False) -> None:
        nn.Module.__init__(self)
        ToyEncoder.__init__(self, ToyOptions())
        self.register_buffer("seen", torch.zeros(()))
        self.seen: Tensor
        self.given: list[Window] = []
        self.stops_at, self.drifts = stops_at, drifts

    def __call__(self, batch: list[Window]) -> tuple[Tensor, Tensor]:
        if self.stops_at is not None and len(self.given) + len(batch) > self.stops_at:
            raise KeyboardInterrupt
        self.given += batch
        if self.drifts:
            self.seen += 1
        return super().__call__(batch)


def stored(
    folder: Path,
    sources: Any,
    *,
    encoder: ToyEncoder | None = None,
    transform: Any = TRANSFORM,
    stream: FeatureStream | None = None,
    max_unusable: int = 0,
) -> Extraction:
    return extract_stored(
        stream or FeatureStream(folder, IDENTITY),
        FrozenEncoder(encoder or ToyEncoder(ToyOptions())),
        transform,
        sources,
        max_unusable=max_unusable,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
