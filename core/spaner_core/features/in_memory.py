"""Extracts features to memory, inputs of like size together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from spaner_core.contract.modality import Encoder, FeatureSpec
from spaner_core.contract.transform import Content, Given, TakenSample, Transform
from spaner_core.errors import DataError, UnusableInput
from spaner_core.features.encoding import WINDOW_BATCH, EncodedSample, encode_samples
from spaner_core.features.rows import FeatureRows, stack_rows
from spaner_core.features.unusable import named_problems, reason_of, summarise


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """Features of the sources that can be used, and why the others cannot.

    Row i of `rows` belongs to source `usable[i]`; `unusable` has the reasons by place.
    """

    rows: FeatureRows
    usable: tuple[int, ...]
    unusable: Mapping[int, str]


def extract(
    encoder: Encoder,
    transform: Transform,
    sources: Sequence[Given],
    *,
    batch_size: int = WINDOW_BATCH,
) -> FeatureRows:
    """Decode, prepare and encode `sources`; row i of the result belongs to source i.

    Raises `DataError` naming the sources that cannot be used (the first ten by name), and
    `PluginError` when the encoder's output does not match its own `FeatureSpec`.
    """
    found = extract_usable(encoder, transform, sources, batch_size=batch_size)
    if found.unusable:
        problems = named_problems({sources[place]: why for place, why in found.unusable.items()})
        raise DataError(summarise(problems, among=len(sources)))
    return found.rows


def extract_usable(
    encoder: Encoder,
    transform: Transform,
    sources: Sequence[Given],
    *,
    batch_size: int = WINDOW_BATCH,
    read_one: Callable[[], object] = lambda: None,
) -> Extracted:
    """Decode, prepare and encode those `sources` that can be used, each distinct one once.

    A batch is padded to its longest input. `read_one` is called after each distinct source. Raises
    `PluginError` when the encoder's output does not match its own `FeatureSpec`.
    """
    distinct = by_size(sources)
    samples: dict[Given, EncodedSample] = {}
    unusable: dict[Given, str] = {}
    for place, encoded in encode_samples(encoder, transform, distinct, batch_size=batch_size):
        if isinstance(encoded, UnusableInput):
            unusable[distinct[place]] = reason_of(encoded)
        else:
            samples[distinct[place]] = encoded
        read_one()
    usable = tuple(place for place, source in enumerate(sources) if source in samples)
    return Extracted(
        rows=_rows(samples, [sources[place] for place in usable], encoder.features),
        usable=usable,
        unusable={p: unusable[source] for p, source in enumerate(sources) if source in unusable},
    )


def by_size(sources: Sequence[Given]) -> list[Given]:
    """Return each distinct source once, the largest first."""
    return sorted(dict.fromkeys(sources), key=_size, reverse=True)


def _size(source: Given) -> int:
    """Return how much work an input is, roughly; reading it says what is wrong with a file."""
    if isinstance(source, Content | TakenSample):
        return len(source.data) if isinstance(source, Content) else 0
    try:
        return source.stat().st_size if isinstance(source, Path) else len(source)
    except (OSError, ValueError):
        return 0


def _rows(
    samples: Mapping[Given, EncodedSample], sources: Sequence[Given], spec: FeatureSpec
) -> FeatureRows:
    """Stack the samples of `sources`, in their order."""
    if not sources:
        tokens = spec.tokens or 1
        return FeatureRows(
            values=torch.zeros(0, tokens, spec.dim), mask=torch.zeros(0, tokens, dtype=torch.bool)
        )
    rows = {source: number for number, source in enumerate(samples)}
    parts = [FeatureRows(values=v.unsqueeze(0), mask=m.unsqueeze(0)) for v, m in samples.values()]
    return stack_rows(parts).take(torch.tensor([rows[source] for source in sources]))
