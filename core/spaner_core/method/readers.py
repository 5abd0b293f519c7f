"""Reads tokens (B, N, E) into one vector per row (B, P).

A reader keeps the structure that its modality needs: the places of a grid, the order of a
recording. It has no trained weights; what it takes from training rows it keeps in buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from spaner_core.contract.modality import FeatureSpec, Reader, RowBatches
from spaner_core.contract.options import OptionError, read_options
from spaner_core.features.rows import masked_mean

FLATTEN_LIMIT = 8192
"""Widest vector that flattening may give; beyond it tokens are pooled (measured on digits)."""

MOST_SEGMENTS = 2**16


class UnfittedReader(nn.Module):
    """A reader that takes nothing from training rows."""

    def fit(self, rows: RowBatches) -> None:
        """Need nothing of the training rows."""


class FlattenTokens(UnfittedReader):
    """Tokens side by side, N·E wide: for a fixed, small number of tokens."""

    name: ClassVar[str] = "flatten"
    options: ClassVar[Mapping[str, object]] = {}

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        if features.tokens is None:
            raise ValueError("FlattenTokens needs a fixed number of tokens, got one that varies")
        self.width = features.tokens * features.dim

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, N·E); masked tokens read as zero."""
        return (features * mask.unsqueeze(-1)).flatten(1)


class MeanTokens(UnfittedReader):
    """The mean of the real tokens, E wide: for tokens whose order says little."""

    name: ClassVar[str] = "mean"
    options: ClassVar[Mapping[str, object]] = {}

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.width = features.dim

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, E)."""
        return masked_mean(features, mask)


class PoolTokens(UnfittedReader):
    """Means of `segments` equal stretches of the real tokens, in order: segments·E wide."""

    name: ClassVar[str] = "pool"

    def __init__(self, features: FeatureSpec, *, segments: int) -> None:
        super().__init__()
        self.segments = segments
        self.options = {"segments": segments}
        self.width = segments * features.dim

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, segments·E), the same whatever the padding."""
        rank = mask.cumsum(dim=1) - 1  # (B, N) a token's place among the real ones
        count = mask.sum(dim=1, keepdim=True)  # (B, 1)
        segment = torch.arange(self.segments, device=mask.device)
        first = segment * count // self.segments  # (B, segments), as adaptive average pooling cuts
        last = -(-(segment + 1) * count // self.segments)
        inside = (rank.unsqueeze(1) >= first.unsqueeze(-1)) & (
            rank.unsqueeze(1) < last.unsqueeze(-1)
        )
        weights = (inside & mask.unsqueeze(1)).to(features.dtype)  # (B, segments, N)
        pooled = weights @ features / weights.sum(dim=-1, keepdim=True).clamp_min(1)
        return pooled.flatten(1)


@dataclass(frozen=True, kw_only=True)
class _NoOptions:
    """Options of readers that have none."""


@dataclass(frozen=True, kw_only=True)
class _PoolOptions:
    segments: int

    def __post_init__(self) -> None:
        if not 1 <= self.segments <= MOST_SEGMENTS:
            raise ValueError(
                f"segments is {self.segments}; give a whole number, 1 to {MOST_SEGMENTS}"
            )


READERS: Mapping[str, tuple[Callable[..., Reader], type]] = {
    FlattenTokens.name: (FlattenTokens, _NoOptions),
    MeanTokens.name: (MeanTokens, _NoOptions),
    PoolTokens.name: (PoolTokens, _PoolOptions),
}
"""Readers that every modality may use, by name, each with its options."""


OwnReader: TypeAlias = Callable[[FeatureSpec, Mapping[str, object]], Reader | None]
"""Asks a plugin for a reader, as its hook `spaner_build_reader`."""


def build_reader(
    features: FeatureSpec,
    options: Mapping[str, object],
    *,
    own: OwnReader | None = None,
) -> Reader:
    """Build the reader that `options` name, or where they are empty the modality's usual one.

    Where `own` has none, that is `MeanTokens`. Raises `OptionError` where nobody has a reader of
    this name with these options.
    """
    given = dict(options)
    name = given.pop("name", None)
    if given and name is None:
        raise _unread(f"{', '.join(given)} given without a name; expected {_known()}; add one")
    if isinstance(name, str) and name in READERS:
        kind, described = READERS[name]
        try:
            return kind(features, **vars(read_options(described, given)))
        except (OptionError, ValueError) as error:  # ValueError: the features do not suit it
            raise _unread(f"{name!r}: {error}") from error
    reader = own(features, options) if own is not None else None
    if reader is None:
        reader = MeanTokens(features)
    if name is not None and reader.name != name:
        raise _unread(f"{name!r} is no reader of this modality; expected {_known()}; correct it")
    for key, value in given.items():
        if key not in reader.options or reader.options[key] != value:
            raise _unread(f"{name!r} does not take {key} = {value!r}; correct or remove it")
    return reader


def _unread(problem: str) -> OptionError:
    return OptionError([("reader", f"reader: {problem}")])


def _known() -> str:
    return f"{', '.join(READERS)} or one of the plugin's own"
