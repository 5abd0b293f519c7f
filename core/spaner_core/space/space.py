"""Holds a space: the shared prompt, its aligners, and their encoders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack, overload

import numpy as np
import torch

from spaner_core.contract.modality import Alignment
from spaner_core.errors import SpaceError
from spaner_core.features.rows import FeatureRows, RowSource
from spaner_core.method.prompt import SharedPrompt
from spaner_core.space.embeddings import (
    EmbeddingParts,
    VectorKey,
    align_rows,
    part_embeddings,
    similarity,
)
from spaner_core.space.encode import Embeddings, Encoded, InputReader, Skipping, ToArray, ToTensor
from spaner_core.space.encoders import Encoders, check_fits, unserved_error
from spaner_core.space.records import AlignerRecord, PromptBlock, PromptRecord, Strength
from spaner_core.space.saving import copy_space, save_space
from spaner_core.space.strengths import Strengths
from spaner_core.space.trained import SpaceAligner, TrainedAligners


class Space:
    """A trained space; encoders and aligners are built when a modality is first used.

    So it opens where only some of its plugins are installed. `records` describes the aligners that
    can be used; `damaged` says of the others, by modality, what is wrong. Using one of these
    raises `SpaceError` and harms no other. `folder` is where the space is stored: None for one
    that was trained and is not saved. `encoders` may be absent where only features are embedded.
    """

    similarity = staticmethod(similarity)

    def __init__(
        self,
        prompt: SharedPrompt,
        record: PromptRecord,
        *,
        blocks: Sequence[PromptBlock],
        aligners: Mapping[str, SpaceAligner],
        damaged: Mapping[str, str] | None = None,
        encoders: Encoders | None = None,
        folder: Path | None = None,
    ) -> None:
        self.prompt = prompt.freeze()
        self.record = record
        self.blocks = tuple(blocks)
        self.encoders, self.folder = encoders, folder
        self._aligners = TrainedAligners(aligners, damaged=damaged)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({str(self.folder)!r}, "
            f"modalities: {', '.join(self.modalities) or 'none'}; {len(self.concepts)} concepts; "
            f"strength {self.record.strength:g})"
        )

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the whole prompt."""
        return self.blocks[-1].fingerprint

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept of the shared prompt, in the order of its anchors."""
        return tuple(concept for block in self.blocks for concept in block.concepts)

    @property
    def label_texts(self) -> dict[str, tuple[str, ...]]:
        """What each concept is called, in the order of the anchors."""
        return {name: b.label_texts[name] for b in self.blocks for name in b.concepts}

    @property
    def records(self) -> Mapping[str, AlignerRecord]:
        """What is known of each aligner that can be used."""
        return self._aligners.records

    @property
    def damaged(self) -> Mapping[str, str]:
        """What is wrong with each of the others."""
        return self._aligners.damaged

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities that have an aligner, sorted."""
        return self._aligners.names

    @property
    def strengths(self) -> Strengths:
        """How hard the prompt pulls where things are looked for, or kinds, and by default."""
        return Strengths.of_space(self.record, self.records.values())

    @property
    def unserved(self) -> dict[str, str]:
        """Modalities that no installed plugin serves, each with the distribution that would.

        Distribution and version are what the space recorded when the modality was trained.
        """
        return {
            name: f"{record.distribution} {record.version}"
            for name, record in sorted(self.records.items())
            if self.encoders is not None and not self.encoders.serves(name)
        }

    def unseen(self, modality: str, concepts: Iterable[str]) -> list[str]:
        """Return those of `concepts` of which a modality has seen no labelled row."""
        seen = self.records[modality].concepts
        return [concept for concept in concepts if concept not in seen]

    def usable(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Read the aligners of `modalities`; return those that can be used.

        `damaged` says then what is wrong with each of the others.
        """
        return self._aligners.usable(modalities)

    def aligner(self, modality: str) -> Any:
        """Return the trained aligner of `modality`.

        Raises `SpaceError` naming what the space has, if it has no such modality, and where its
        weights are found to be damaged, now that they are read: from then on it counts as such.
        """
        return self._aligners.load(modality)

    @overload
    def encode(self, inputs: Any, *, modality: str, **how: Unpack[ToArray]) -> Embeddings: ...
    @overload
    def encode(self, inputs: Any, *, modality: str, **how: Unpack[ToTensor]) -> torch.Tensor: ...
    @overload
    def encode(self, inputs: Any, *, modality: str, **how: Unpack[Skipping]) -> Encoded: ...
    def encode(
        self,
        inputs: Any,
        *,
        modality: str,
        batch_size: int = InputReader.batch_size,
        show_progress_bar: bool = False,
        device: str | None = None,
        convert_to_tensor: bool = False,
        strength: Strength | None = None,
        errors: str = "raise",
    ) -> Embeddings | torch.Tensor | Encoded:
        """Embed inputs of one modality; return (n, D) float32, rows of unit length.

        Give one input (n is 1) or several: paths, texts where the modality takes them (a `str` is a
        file only if it has a fitting suffix and is spelt as paths are, or the file exists), files'
        bytes, `spaner.Content` (bytes with a name and suffix), or objects that its plugin takes:
        images, arrays with their rate, ... `batch_size` windows of inputs of like size are encoded
        together, on `device`: cpu or cuda, from now on. `strength` in [0, 1] is how hard the prompt
        pulls, the space's own by default; "thing" and "kind" are those at which it looks for the
        very same thing, or the same kind. With errors="skip", inputs that cannot be read are left
        out, and an `Encoded` says which.

        Raises `ConfigError` for an option that cannot be, `SpaceError` for an unknown modality or
        another encoder, `DataError` for inputs that cannot be read, with their places.
        """
        reader = InputReader(
            self._encoders_of(modality),
            modality,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
            device=device,
        )
        embed_rows = partial(self._embed, modality, pull=self.strengths.pull(strength))
        encoded = reader.embed(inputs, embed_rows, width=self.record.dim, errors=errors)
        self._given(modality, encoded.embeddings)
        if convert_to_tensor:
            encoded = replace(encoded, embeddings=torch.from_numpy(encoded.embeddings))
        return encoded if errors == "skip" else encoded.embeddings

    def extract(self, modality: str, inputs: Any) -> FeatureRows:
        """Extract features of inputs of one modality, as `encode` takes and refuses them."""
        return InputReader(self._encoders_of(modality), modality).extract(inputs)

    def embed(
        self, modality: str, rows: RowSource, *, strength: Strength | None = None
    ) -> Embeddings:
        """Embed features that were extracted before; return (n, D) float32 of unit length.

        `strength` is as in `encode`.
        """
        self.check_modality(modality)
        embeddings = self._embed(modality, rows, self.strengths.pull(strength))
        self._given(modality, embeddings)
        return embeddings

    def align(
        self, modality: str, rows: RowSource, *, strength: Strength | None = None
    ) -> Iterator[Alignment]:
        """Yield embeddings (b, D), directions (b, D) and anchor weights (b, C), batch by batch."""
        return self._align(modality, rows, self.strengths.pull(strength))

    def embedding_parts(self, modality: str, rows: RowSource) -> Iterator[EmbeddingParts]:
        """Yield what embeddings at every strength are composed of, batch by batch."""
        return part_embeddings(
            self.align(modality, rows),
            record=self.records[modality],
            prompt=self.prompt,
            strength=self.strengths.pull(None),
        )

    def vector_key(self, modality: str, *, strength: Strength | None = None) -> VectorKey:
        """Return what embeddings of `modality` depend on; keep it beside those that you keep.

        It is a dataclass of texts and a number: `dataclasses.asdict(key)` goes into JSON, and
        `spaner.VectorKey(**stored)` comes back. Raises `SpaceError` if the space has no such
        modality.
        """
        part = self._aligners.part(modality)
        record = part.record
        return VectorKey(
            modality=modality,
            encoder=record.encoder_fingerprint,
            transform=record.transform_fingerprint,
            aligner=part.fingerprint,
            prompt=record.prompt_fingerprint,
            strength=self.strengths.pull(strength),
        )

    def check_vectors(self, key: VectorKey) -> None:
        """Raise `SpaceError` unless embeddings kept with `key` are those the space gives today."""
        key.check(self.vector_key(key.modality, strength=key.strength))

    def check_modality(self, modality: str) -> None:
        """Raise `SpaceError` unless the space has `modality` and the encoder at hand fits it."""
        if (distribution := self.unserved.get(modality)) is not None:
            served = [name for name in self.modalities if name not in self.unserved]
            raise unserved_error(modality, distribution, served=served)
        self.aligner(modality)
        if self.encoders is not None:
            check_fits(self.encoders.modality(modality), self.records[modality])

    def save_pretrained(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write the space to `folder`, a stored one byte for byte.

        Raises `OutputExists` if it exists, unless it is a space and `overwrite` is true.
        """
        target = Path(folder)
        if self.folder is not None:
            return copy_space(self.folder, target, overwrite=overwrite)
        aligners = {name: (self.aligner(name), self.records[name]) for name in self.records}
        save_space(target, self.prompt, self.record, aligners, overwrite=overwrite)
        return target

    def _given(self, modality: str, embeddings: Embeddings) -> None:
        """Hear of embeddings that are given away."""

    def _encoders_of(self, modality: str) -> Encoders:
        self.check_modality(modality)
        if self.encoders is None:
            raise SpaceError(f"{self!r} has no encoders; save it and open it with spaner.load")
        return self.encoders

    def _embed(self, modality: str, rows: RowSource, pull: float) -> Embeddings:
        parts = [part.embedding for part in self._align(modality, rows, pull)]
        return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)

    def _align(self, modality: str, rows: RowSource, pull: float) -> Iterator[Alignment]:
        aligner, record = self.aligner(modality), self.records[modality]
        return align_rows(aligner, rows, record=record, prompt=self.prompt, strength=pull)
