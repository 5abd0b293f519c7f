"""Synthetic samples and streams of the feature store that hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from spaner_core.features.encoding import EncodedSample
from spaner_core.features.stream import FeatureStream
from spaner_core.features.stream_records import StreamIdentity

IDENTITY = StreamIdentity(
    modality="toy", encoder="an encoder", transform="a transform", dtype="float16", dim=3
)


def identity(**changes: Any) -> StreamIdentity:
    return replace(IDENTITY, **changes)


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def samples(*lengths: int, dim: int = 3, seed: int = 0) -> dict[str, EncodedSample]:
    """Samples of these numbers of tokens, by keys that differ from seed to seed."""
    generator = torch.Generator().manual_seed(seed)
    return {
        key(f"{seed}-{number}"): EncodedSample(
            torch.randn(length, dim, generator=generator), torch.ones(length, dtype=torch.bool)
        )
        for number, length in enumerate(lengths)
    }


def filled(
    folder: Path, *batches: Mapping[str, EncodedSample], of: StreamIdentity = IDENTITY
) -> FeatureStream:
    """A stream that holds a file for each batch."""
    stream = FeatureStream(folder, of)
    with stream.writing():
        for batch in batches:
            stream.write(list(batch), batch)
    return stream
