"""A space: one shared prompt and the aligners trained against it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from spaner_core.data.names import compose, compose_distinct
from spaner_core.errors import ConfigError, SpaceError, one_line
from spaner_core.features.rows import FeatureRows, RowSource, load_in_batches
from spaner_core.modality import Aligner, Alignment, FeatureSpec
from spaner_core.prompt import SharedPrompt
from spaner_core.records import AlignerRecord, PromptRecord
from spaner_core.threads import one_thread
from spaner_core.vectors import VectorKey


@dataclass(frozen=True, kw_only=True)
class PromptBlock:
    """Concepts that were given anchors together; `fingerprint` covers all blocks before it too."""

    fingerprint: str
    concepts: tuple[str, ...]
    label_texts: Mapping[str, tuple[str, ...]]


AlignerBuilder = Callable[[AlignerRecord], Aligner]
"""Builds an untrained aligner from its record, through the modality's plugin."""


class Space:
    """A prompt with its record, and aligners that are built and loaded when first used.

    `records` describes the aligners that can be used; `damaged` says of the others, by modality,
    what is wrong. Using one of these raises `SpaceError` and harms no other. Concepts are named
    here as names are compared, however they are written on disk and in `record`; the texts they
    are called by are as written.
    """

    def __init__(
        self,
        prompt: SharedPrompt,
        record: PromptRecord,
        *,
        blocks: Sequence[PromptBlock],
        records: Mapping[str, AlignerRecord],
        fingerprints: Mapping[str, str],
        damaged: Mapping[str, str] | None = None,
        load_aligner: Callable[[str], Aligner],
    ) -> None:
        self.prompt = prompt.freeze()
        self.record = record
        names = compose_distinct(concept for block in blocks for concept in block.concepts)
        self.blocks = tuple(_named(block, names) for block in blocks)
        self.records = {
            name: replace(r, concepts=tuple(names.get(c, compose(c)) for c in r.concepts))
            for name, r in records.items()
        }
        self.damaged = dict(damaged or {})
        self._fingerprints = dict(fingerprints)
        self._load_aligner = load_aligner
        self._aligners: dict[str, Any] = {}

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the whole prompt."""
        return self.blocks[-1].fingerprint

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept of the prompt, in the order of the anchors."""
        return tuple(concept for block in self.blocks for concept in block.concepts)

    @property
    def label_texts(self) -> dict[str, tuple[str, ...]]:
        """What each concept is called, in the order of the anchors."""
        return {name: b.label_texts[name] for b in self.blocks for name in b.concepts}

    def unseen(self, modality: str, concepts: Iterable[str]) -> list[str]:
        """Return those of `concepts` of which a modality has seen no labelled row."""
        seen = self.records[modality].concepts
        return [concept for concept in concepts if concept not in seen]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities that have an aligner, sorted."""
        return tuple(sorted(self.records))

    def aligner(self, modality: str) -> Any:
        """Return the trained aligner of `modality`.

        Raises `SpaceError` naming what the space has, if it has no such modality, and where its
        weights are found to be damaged, now that they are read: from then on it counts as such.
        """
        self._check_has(modality)
        if modality not in self._aligners:
            try:
                self._aligners[modality] = self._load_aligner(modality)
            except SpaceError as error:
                del self.records[modality]
                self.damaged[modality] = str(error)
                raise
        return self._aligners[modality]

    def usable(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Read the aligners of `modalities`; return those that can be used.

        `damaged` says then what is wrong with each of the others.
        """
        for modality in modalities:
            with suppress(SpaceError):
                self.aligner(modality)
        return tuple(modality for modality in modalities if modality in self.records)

    def vector_key(self, modality: str, *, strength: float | None = None) -> VectorKey:
        """Return what embeddings of `modality` depend on; keep it beside those that you keep.

        Raises `SpaceError` if the space has no such modality.
        """
        self._check_has(modality)
        record = self.records[modality]
        return VectorKey(
            modality=modality,
            encoder=record.encoder_fingerprint,
            transform=record.transform_fingerprint,
            aligner=self._fingerprints[modality],
            prompt=record.prompt_fingerprint,
            strength=self._pull(strength),
        )

    def check_vectors(self, key: VectorKey) -> None:
        """Raise `SpaceError` unless embeddings kept with `key` are those the space gives today."""
        key.check(self.vector_key(key.modality, strength=key.strength))

    def embed(self, modality: str, rows: RowSource, *, strength: float | None = None) -> Tensor:
        """Embed features; return (n, D) float32 of unit length.

        `strength` in [0, 1] is how hard the prompt pulls; None takes the space's own.
        """
        return torch.cat([part for part, _ in self.align(modality, rows, strength=strength)])

    def align(
        self, modality: str, rows: RowSource, *, strength: float | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield embeddings (b, D) and anchor weights (b, C), a batch at a time."""
        aligner = self.aligner(modality)
        pull = self._pull(strength)
        for part in load_in_batches(rows) if len(rows) else [rows.load()]:
            alignment = self._align(modality, aligner, part, strength=pull)
            yield alignment.embedding.clone(), alignment.weights.clone()

    def _align(
        self, modality: str, aligner: Any, rows: FeatureRows, *, strength: float
    ) -> Alignment:
        """Ask an aligner; raise `SpaceError` where it fails, or gives anything but embeddings."""
        record = self.records[modality]
        anchors = self.prompt.anchors[: record.anchor_count]
        _check_shape(modality, rows, record.features)
        try:
            with torch.inference_mode(), one_thread():
                alignment: Alignment = aligner(
                    rows.values, rows.mask, anchors, beta=self.prompt.beta, strength=strength
                )
                shapes = alignment.embedding.shape, alignment.weights.shape
        except Exception as error:
            raise _broken(modality, f"fails ({one_line(error)})") from error
        expected = (len(rows), anchors.shape[1]), (len(rows), len(anchors))
        if shapes != expected:
            raise _broken(modality, f"gives {tuple(map(tuple, shapes))}, not {expected}")
        if not torch.isfinite(alignment.embedding).all():
            raise _broken(modality, "gives NaN")
        return alignment

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
                    f"aligners/{modality}/config.json, or train its aligner anew with "
                    f"`spaner attach {modality} --replace`"
                )

    def _pull(self, strength: float | None) -> float:
        pull = self.record.strength if strength is None else strength
        if not 0 <= pull <= 1:
            raise ConfigError(f"strength is {pull}; give a number from 0 to 1")
        return pull

    def _check_has(self, modality: str) -> None:
        if modality in self.damaged:
            raise SpaceError(self.damaged[modality])
        if modality not in self.records:
            raise SpaceError(
                f"the space has no modality {modality!r}; it has "
                f"{', '.join(self.modalities) or 'none'}. "
                f"Add it with `spaner attach {modality}`"
            )


def _named(block: PromptBlock, names: Mapping[str, str]) -> PromptBlock:
    """Give a block's concepts the `names` that they are compared by."""
    return replace(
        block,
        concepts=tuple(names[concept] for concept in block.concepts),
        label_texts={names.get(c, compose(c)): texts for c, texts in block.label_texts.items()},
    )


def _check_shape(modality: str, rows: FeatureRows, spec: FeatureSpec) -> None:
    """Raise `SpaceError` unless features are of the shape that the modality's aligner takes."""
    _, tokens, dim = rows.values.shape
    if dim != spec.dim or (len(rows) and spec.tokens not in (None, tokens)):
        raise SpaceError(
            f"features of {modality!r} have {tokens} tokens of {dim} numbers, but "
            f"aligners/{modality}/config.json says {spec}: one of them was changed. Use the "
            "encoder that it was trained with, or restore the space from a copy"
        )


def _broken(modality: str, what: str) -> SpaceError:
    return SpaceError(
        f"the aligner of {modality!r} {what}: its weights or features are broken. "
        "Run `spaner verify`, and restore the space from a copy"
    )
