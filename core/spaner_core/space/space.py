"""Holds a space: the shared prompt, its aligners, and their encoders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from spaner_core.space.encoders import Encoders, check_fits
from spaner_core.space.records import AlignerRecord, PromptBlock, PromptRecord, Strength
from spaner_core.space.saving import copy_space, save_space
from spaner_core.space.strengths import Strengths
from spaner_core.space.trained import SpaceAligner, TrainedAligners

if TYPE_CHECKING:
    from numpy.typing import NDArray


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

    def encode(
        self,
        inputs: Any,
        *,
        modality: str,
        strength: Strength | None = None,
    ) -> NDArray[np.float32]:
        """Embed inputs of one modality; return (n, D) float32, rows of unit length.

        Give one input or several. An input is a path, or the input itself where the modality takes
        it inline: there a `Path` is a file, and a `str` is one if it has a fitting suffix and is
        spelt as paths are, or the file exists. It may also be a `spaner.Content`, the bytes of a
        file, or an object that the modality's plugin takes: an image, an array with its rate, ...
        `strength` in [0, 1] is how hard the prompt pulls, the space's own by default; "thing" and
        "kind" take the one at which it looks for the very same thing, or the same kind. Raises
        `ConfigError` for a strength that the space does not have, `SpaceError` for an unknown
        modality or another encoder, `DataError` for inputs that cannot be read.
        """
        pull = self.strengths.pull(strength)
        return self._embed(modality, self.extract(modality, inputs), pull)

    def extract(self, modality: str, inputs: Any) -> FeatureRows:
        """Extract features of inputs of one modality, as `encode` takes and refuses them."""
        self.check_modality(modality)
        if self.encoders is None:
            raise SpaceError(f"{self!r} has no encoders; save it and open it with spaner.load")
        sources = self.encoders.modality(modality).sources_of(inputs)
        return self.encoders.extract(modality, sources)

    def embed(
        self, modality: str, rows: RowSource, *, strength: Strength | None = None
    ) -> NDArray[np.float32]:
        """Embed features that were extracted before; return (n, D) float32 of unit length.

        `strength` is as in `encode`.
        """
        self.check_modality(modality)
        return self._embed(modality, rows, self.strengths.pull(strength))

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
        if modality in self.unserved:
            raise SpaceError(
                f"the space has {modality!r}, but no plugin that serves it is installed; it was "
                f"made with the distribution {self.unserved[modality]}, as aligners/{modality}/"
                "config.json records: install that if you trust it. Modalities that work here: "
                f"{', '.join(m for m in self.modalities if m not in self.unserved) or 'none'}"
            )
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

    def _embed(self, modality: str, rows: RowSource, pull: float) -> NDArray[np.float32]:
        parts = [part.embedding for part in self._align(modality, rows, pull)]
        return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)

    def _align(self, modality: str, rows: RowSource, pull: float) -> Iterator[Alignment]:
        aligner, record = self.aligner(modality), self.records[modality]
        return align_rows(aligner, rows, record=record, prompt=self.prompt, strength=pull)
