"""Holds what is trained from: rows, concepts and their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from spaner_core.contract.modality import Aligner, Reader
from spaner_core.errors import DataError
from spaner_core.features.labelled import LabelledRows
from spaner_core.space.records import AlignerRecord, ModalityRecord


@dataclass(frozen=True)
class ConceptNames:
    """Features of concepts' names: the modality that embeds them, and a row a text."""

    modality: str
    rows: LabelledRows

    def embed(self, reader: Reader, *, count: int) -> Tensor:
        """Return one raw embedding for each of `count` concepts, (count, P): its texts' mean."""
        rows = self.rows.features.load()
        raw = reader(rows.values, rows.mask)  # (texts, P)
        sums = raw.new_zeros(count, raw.shape[1]).index_add_(0, self.rows.concepts, raw)
        texts = torch.bincount(self.rows.concepts, minlength=count).clamp_min(1)
        return sums / texts.unsqueeze(-1)


@dataclass(frozen=True, kw_only=True)
class ModalityMaterial:
    """One modality that trains: its record, what builds a fresh aligner, and its rows."""

    record: ModalityRecord
    build: Callable[[], Aligner]
    rows: LabelledRows

    def describe(
        self,
        concepts: Sequence[str],
        *,
        prompt_fingerprint: str,
        training: Mapping[str, Any],
        pairs: Mapping[str, int] | None = None,
    ) -> AlignerRecord:
        """Describe the aligner that is trained on the rows, against anchors of `concepts`.

        `pairs` are those that it is attached by, as in its record.
        """
        return AlignerRecord(
            **vars(self.record),
            prompt_fingerprint=prompt_fingerprint,
            anchor_count=len(concepts),
            training=training,
            concepts=tuple(sorted(concepts[number] for number in self.rows.known_concepts)),
            pairs=pairs or {},
        )


@dataclass(frozen=True, kw_only=True)
class Material:
    """Modalities that train together, and what the concepts are called, by number.

    `names` are the texts' features, None where no modality embeds them.
    """

    modalities: Mapping[str, ModalityMaterial]
    label_texts: Mapping[str, tuple[str, ...]]
    names: ConceptNames | None

    @property
    def rows(self) -> dict[str, LabelledRows]:
        """The training rows of each modality."""
        return {name: part.rows for name, part in self.modalities.items()}

    @property
    def concepts(self) -> tuple[str, ...]:
        """The concepts, each in the place of its number."""
        return tuple(self.label_texts)

    def with_rows(self, rows: Mapping[str, LabelledRows]) -> Material:
        """Take other rows; modalities that lack some are left out, and the names they embed."""
        return replace(
            self,
            modalities={n: replace(self.modalities[n], rows=part) for n, part in rows.items()},
            names=self.names if self.names and self.names.modality in rows else None,
        )


def check_concepts(name: str, rows: LabelledRows) -> None:
    """Raise `DataError` where nothing says which rows belong together, or one concept is all."""
    known = rows.known_concepts
    if len(known) == 1:
        raise DataError(
            f"modality {name!r} has training rows of 1 concept; at least 2 are needed to tell them "
            "apart. Add rows of other concepts to the manifest"
        )
    if not known and bool((rows.items < 0).all()):
        raise DataError(
            f"no training row of modality {name!r} has a concept or an item, so nothing says which "
            "belong together. Give the manifest's rows concepts, or items"
        )
