"""Describes what a modality plugin is made of: dataclasses and protocols.

Axis letters used everywhere: B batch, N feature tokens, C concept anchors (the prompt's
tokens), E encoder width, P width of what an aligner's reader gives, D width of the shared space.

This module imports no torch, so that a plugin can be described without loading it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from spaner_core.contract.transform import EncoderInput, Sample

if TYPE_CHECKING:
    from torch import Tensor


API_VERSION = 2
"""Version of this contract. A plugin built for another version is refused with a clear message."""

MOST_FEATURES = 2**24
"""Most tokens of a sample, and most numbers of a token."""

LARGEST_PREVIEW = 256 * 1024
"""Most bytes of a preview's text, in UTF-8, and of its image."""

Batch: TypeAlias = Any
"""Whatever `Encoder.collate` gives and the encoder takes."""


@dataclass(frozen=True, kw_only=True)
class Modality:
    """What can be said of a modality without loading anything heavy.

    `api_version` is the version of the contract that the plugin was written for, as a number.
    `suffixes` are the file suffixes it reads, lower case with the dot. `inline` is true when an
    input may also be given as itself (a text) instead of as a path. `embeds_labels` is true when
    its encoder can embed the names of concepts, so that it may give the shared prompt.
    """

    name: str
    summary: str
    api_version: int
    suffixes: tuple[str, ...] = ()
    inline: bool = False
    embeds_labels: bool = False


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """Shape of what an encoder gives for one sample: N tokens of width `dim`.

    `tokens` is N, or None where it varies from sample to sample. `grid` is the spatial layout of
    the tokens after the first `prefix_tokens` (a CLS token, say), e.g. (3, 3); where `tokens` is
    None, both describe one window. Stored with the aligner, which can therefore be loaded without
    the encoder.
    """

    dim: int
    tokens: int | None = None
    grid: tuple[int, ...] | None = None
    prefix_tokens: int = 0

    def __post_init__(self) -> None:
        grid = self.grid or ()
        sizes = [self.dim, *grid, *([] if self.tokens is None else [self.tokens])]
        if min(sizes) < 1 or self.prefix_tokens < 0:
            raise ValueError(f"{self} has a size below 1; give whole numbers from 1")
        if max(*sizes, math.prod(grid), self.prefix_tokens) > MOST_FEATURES:
            raise ValueError(
                f"{self} has a size above {MOST_FEATURES}; give smaller ones, that a machine holds"
            )


@runtime_checkable
class Encoder(Protocol):
    """A frozen model that turns prepared windows into tokens.

    `fingerprint` is a SHA-256 that changes whenever the output would: it covers weights and
    options; an encoder without weights hashes its name, an algorithm version and its options.
    Nothing in an encoder is ever fitted to the user's data.
    """

    @property
    def features(self) -> FeatureSpec:
        """Shape of what it gives."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides its output."""
        ...

    def collate(self, inputs: Sequence[EncoderInput]) -> Batch:
        """Join prepared windows into one batch."""
        ...

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, E) float and mask (B, N) bool, True where a token is real."""
        ...


@runtime_checkable
class Reader(Protocol):
    """A `torch.nn.Module` that reads tokens into one vector of width `width` (P).

    A space records `name` and `options` (what JSON holds, by name), and asks for that very reader
    when it is opened. A reader may also say `keeps_scale = True`: the scale of its numbers carries
    meaning (weighted word counts), so that the aligner does not divide by their deviation.
    """

    @property
    def name(self) -> str:
        """What the space and plugins.yaml call it; it never stands for another reader."""
        ...

    @property
    def options(self) -> Mapping[str, object]:
        """What it was built with, besides the features' shape."""
        ...

    @property
    def width(self) -> int:
        """P."""
        ...

    def fit(self, rows: RowBatches) -> None:
        """Take what it needs from training rows; called once, before training."""
        ...

    def __call__(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, P)."""
        ...


class Alignment(NamedTuple):
    """What an aligner gives for a batch.

    `embedding` z (B, D) is the place in the shared space; `direction` h (B, D) is what the
    modality itself says before the prompt pulls; `weights` w (B, C) is how much each anchor pulls.
    All rows of `embedding` and `direction` have unit length; rows of `weights` sum to one.
    """

    embedding: Tensor
    direction: Tensor
    weights: Tensor


class RowBatch(NamedTuple):
    """Training rows: features (B, N, E), mask (B, N) and concepts (B,) int64.

    `concepts` holds each row's anchor index, -1 where a row has none.
    """

    features: Tensor
    mask: Tensor
    concepts: Tensor


class RowBatches(Protocol):
    """All training rows, a batch at a time and as often as they are gone through."""

    def __iter__(self) -> Iterator[RowBatch]:
        """Load the rows anew, batch by batch."""
        ...


class Aligner(Protocol):
    """A trainable `torch.nn.Module` between one encoder and the shared space."""

    def forward(
        self,
        features: Tensor,
        mask: Tensor,
        anchors: Tensor,
        *,
        beta: Tensor,
        strength: Tensor | float,
    ) -> Alignment:
        """Embed features (B, N, E) with mask (B, N) against anchors (C, D).

        `beta` is the prompt's read-out sharpness, `strength` in [0, 1] how hard anchors pull.
        """
        ...

    def fit_statistics(self, rows: RowBatches, *, concept_count: int) -> None:
        """Set the buffers (centre, scale, class means) from training rows, once, before training.

        The result must not depend on how the rows are cut into batches.
        """
        ...


@runtime_checkable
class LabelAligner(Aligner, Protocol):
    """An aligner whose modality can embed the names of concepts."""

    @property
    def reader(self) -> Reader:
        """What reads names into raw vectors (B, P), before any centring: anchors' material.

        Its buffers are kept with the prompt, so that later names are read as the first ones were.
        """
        ...

    def start_from(self, label_map: Tensor) -> None:
        """Start the linear map at `label_map` (P, D), the very map that made the anchors."""
        ...


class Corruption(Protocol):
    """A named disturbance with severities 1 (slight) to 5 (severe)."""

    @property
    def name(self) -> str:
        """What tables and curves call it."""
        ...

    def apply(self, sample: Sample, *, severity: int, seed: int) -> Sample:
        """Return a disturbed copy of `sample`, the same for the same seed."""
        ...


@dataclass(frozen=True, kw_only=True)
class Preview:
    """How a sample is shown to people: a text, a PNG image or both, of at most 256 kB each."""

    text: str | None = None
    png: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Examples:
    """What the conformance kit tries a plugin on.

    `inputs` are at least three small inputs that differ, files (no folders) or, where the modality
    is inline, texts; they give different numbers of tokens where that number varies. `objects` are
    what the transform's `take` is tried on, where it has one: objects as people hold them, at least
    one. `options` are
    the `encoder:` options to build with. The two other mappings together name every `encoder:`
    option with a value other than the one built with: `changing` those that change features,
    `neutral` those that do not (a device, or one that has a single value so far).
    """

    inputs: Sequence[Path | str]
    objects: Sequence[object] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    changing: Mapping[str, object] = field(default_factory=dict)
    neutral: Mapping[str, object] = field(default_factory=dict)
