"""Describes the prompt, its blocks and aligners, as config.json files do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from spaner_core.contract.modality import MOST_FEATURES, FeatureSpec
from spaner_core.data.names import UNNAMEABLE

AnchorSource: TypeAlias = Literal["labels", "random"]
"""What anchors were made from: the names of their concepts, or nothing."""

Same: TypeAlias = Literal["thing", "kind"]
"""What is looked for: the very same thing, an item, or the same kind of thing, a concept."""

Strength: TypeAlias = float | Same
"""A pull strength: 0 to 1, or the one that a space has for things or for kinds."""


@dataclass(frozen=True, kw_only=True)
class ReaderRecord:
    """Which reader an aligner reads with: its name, and what it was built with."""

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ModalityRecord:
    """All that is needed to build a modality's encoder and an untrained aligner again.

    Where `reader` is None, the aligner was built by the plugin itself, or written before readers
    were recorded: the plugin chooses then, as it did.
    """

    modality: str
    distribution: str
    version: str
    api_version: int
    encoder_options: Mapping[str, Any]
    aligner_options: Mapping[str, Any]
    encoder_fingerprint: str
    transform_fingerprint: str
    features: FeatureSpec
    reader: ReaderRecord | None = None


@dataclass(frozen=True, kw_only=True)
class AlignerRecord(ModalityRecord):
    """What `aligners/<modality>/config.json` says.

    `prompt_fingerprint` is the block of the prompt that was the last one then, `anchor_count` the
    number of anchors up to it: the aligner reads these and no later ones. `concepts` are those of
    which this modality has seen labelled rows. `pairs` says of each modality by whose finished
    embeddings it was attached how many items they shared.
    """

    prompt_fingerprint: str
    anchor_count: int
    training: Mapping[str, Any]
    concepts: tuple[str, ...]
    pairs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PromptRecord:
    """What `prompt/config.json` says: concepts in the order of the anchors, and their origin.

    `anchors` is "labels" where concept names made them, "random" otherwise. `label_source` is the
    modality that embedded the names, as it was then, None where no name was used.
    `informativeness` is the share of training rows whose nearest concept name was their own.
    `strengths` are the pull strengths at which things and kinds are looked for, of that which the
    training had, and `strength` the one of them that is the default. They are None where a version
    wrote it that recorded the default alone.
    """

    concepts: tuple[str, ...]
    label_texts: Mapping[str, tuple[str, ...]]
    anchors: AnchorSource
    dim: int
    strength: float
    label_source: ModalityRecord | None = None
    informativeness: float | None = None
    recipe: Mapping[str, Any] | None = None
    strengths: Mapping[Same, float] | None = None

    def __post_init__(self) -> None:
        _check_concepts(self.concepts, self.label_texts)
        if not 1 <= self.dim <= MOST_FEATURES:
            raise ValueError(f"dim is {self.dim}, not 1 to {MOST_FEATURES}")
        shares = {"strength": self.strength, "informativeness": self.informativeness}
        shares |= {f"strengths.{same}": at for same, at in (self.strengths or {}).items()}
        for name, share in shares.items():
            if share is not None and not 0 <= share <= 1:  # NaN is not
                raise ValueError(f"{name} is {share}, not 0 to 1")
        if self.anchors == "labels" and self.label_source is None:
            raise ValueError("anchors were made from names, but label_source is empty")

    @property
    def trained_strengths(self) -> Mapping[Same, float]:
        """The pull strengths of things and of kinds, of each that the training had."""
        if self.strengths is not None:
            return self.strengths
        return {"kind" if self.concepts else "thing": self.strength}


@dataclass(frozen=True, kw_only=True)
class BlockRecord:
    """What `prompt/block-NNNN/config.json` says of concepts that were appended later.

    `previous` is the fingerprint of the block before it, which this block's own one covers.
    """

    concepts: tuple[str, ...]
    label_texts: Mapping[str, tuple[str, ...]]
    anchors: AnchorSource
    previous: str

    def __post_init__(self) -> None:
        _check_concepts(self.concepts, self.label_texts)
        if not self.concepts:
            raise ValueError("it has no concepts")


@dataclass(frozen=True, kw_only=True)
class PromptBlock:
    """Concepts that were given anchors together; `fingerprint` covers all blocks before it too."""

    fingerprint: str
    concepts: tuple[str, ...]
    label_texts: Mapping[str, tuple[str, ...]]


def _check_concepts(concepts: Sequence[str], texts: Mapping[str, Sequence[str]]) -> None:
    if len(set(concepts)) < len(concepts):
        raise ValueError("a concept stands twice among concepts")
    if set(concepts) != texts.keys() or not all(texts.values()):
        raise ValueError("label_texts does not hold texts of each of the concepts, and of no other")
    if strange := next((name for name in concepts if UNNAMEABLE.search(name)), None):
        raise ValueError(f"the concept {strange!r} holds a control character")
