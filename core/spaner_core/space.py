"""A space: one shared prompt and the aligners trained against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spaner_core.errors import ConfigError, SpaceError
from spaner_core.features.rows import FeatureRows
from spaner_core.modality import Aligner, FeatureSpec
from spaner_core.prompt import SharedPrompt
from spaner_core.threads import one_thread

EMBED_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class PromptRecord:
    """What `prompt/config.json` says: concepts in the order of the anchors, and their origin.

    `label_source` describes the modality that gave the anchors (its name, distribution, version
    and encoder fingerprint), None where anchors are random and no label text was used.
    `informativeness` is the share of training rows whose nearest concept name was their own.
    """

    concepts: tuple[str, ...]
    label_texts: Mapping[str, tuple[str, ...]]
    anchors: str
    dim: int
    strength: float
    label_source: Mapping[str, str] | None = None
    informativeness: float | None = None
    recipe: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class AlignerRecord:
    """What `aligners/<modality>/config.json` says: all that is needed to use the aligner again."""

    modality: str
    distribution: str
    version: str
    api_version: int
    encoder_options: Mapping[str, Any]
    aligner_options: Mapping[str, Any]
    encoder_fingerprint: str
    transform_fingerprint: str
    features: FeatureSpec
    prompt_fingerprint: str
    anchor_count: int
    training: Mapping[str, Any]
    concepts: tuple[str, ...]
    """Concepts of which this modality has seen labelled rows."""


AlignerBuilder = Callable[[AlignerRecord], Aligner]
"""Builds an untrained aligner from its record, through the modality's plugin."""


class Space:
    """A prompt with its record, and aligners that are built and loaded when first used."""

    def __init__(
        self,
        prompt: SharedPrompt,
        record: PromptRecord,
        *,
        fingerprint: str,
        records: Mapping[str, AlignerRecord],
        load_aligner: Callable[[str], Aligner],
    ) -> None:
        self.prompt = prompt.freeze()
        self.record = record
        self.fingerprint = fingerprint
        self.records = dict(records)
        self._load_aligner = load_aligner
        self._aligners: dict[str, Any] = {}

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities that have an aligner, sorted."""
        return tuple(sorted(self.records))

    def aligner(self, modality: str) -> Any:
        """Return the trained aligner of `modality`.

        Raises `SpaceError` naming what the space has, if it has no such modality.
        """
        if modality not in self.records:
            raise SpaceError(
                f"the space has no modality {modality!r}; it has "
                f"{', '.join(self.modalities) or 'none'}. "
                f"Add it with `spaner attach {modality}`"
            )
        if modality not in self._aligners:
            self._aligners[modality] = self._load_aligner(modality)
        return self._aligners[modality]

    def embed(self, modality: str, rows: FeatureRows, *, strength: float | None = None) -> Tensor:
        """Embed features; return (n, D) float32 of unit length.

        `strength` in [0, 1] is how hard the prompt pulls; None takes the space's own.
        """
        return torch.cat([part for part, _ in self.align(modality, rows, strength=strength)])

    def align(
        self, modality: str, rows: FeatureRows, *, strength: float | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield embeddings (b, D) and anchor weights (b, C), a batch at a time."""
        aligner = self.aligner(modality)
        anchors = self.prompt.anchors[: self.records[modality].anchor_count]
        pull = self.record.strength if strength is None else strength
        if not 0 <= pull <= 1:
            raise ConfigError(f"strength is {pull}; give a number from 0 to 1")
        for start in range(0, max(len(rows), 1), EMBED_BATCH):
            stop = start + EMBED_BATCH
            with torch.inference_mode(), one_thread():
                alignment = aligner(
                    rows.values[start:stop],
                    rows.mask[start:stop],
                    anchors,
                    beta=self.prompt.beta,
                    strength=pull,
                )
            if not torch.isfinite(alignment.embedding).all():
                raise SpaceError(
                    f"the aligner of {modality!r} gives NaN: its weights or features are broken. "
                    "Run `spaner verify`, and restore the space from a copy"
                )
            yield alignment.embedding.clone(), alignment.weights.clone()

    def check_encoder(
        self, modality: str, *, encoder_fingerprint: str, transform_fingerprint: str
    ) -> None:
        """Raise `SpaceError` unless the encoder and transform at hand are the aligner's own."""
        record = self.records[modality]
        for what, given, expected in (
            ("encoder", encoder_fingerprint, record.encoder_fingerprint),
            ("input preparation", transform_fingerprint, record.transform_fingerprint),
        ):
            if given != expected:
                raise SpaceError(
                    f"the {what} of {modality!r} at hand ({given[:12]}) is not the one its aligner "
                    f"was trained with ({expected[:12]}); use the encoder options recorded in "
                    f"aligners/{modality}/config.json, or train a new space"
                )
