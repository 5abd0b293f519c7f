"""Reads the concepts' names and judges what they are good for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spaner_core.contract.modality import Aligner, LabelAligner
from spaner_core.errors import ConfigError
from spaner_core.features.labelled import LabelledBatches, LabelledRows
from spaner_core.method.prompt import label_informativeness
from spaner_core.recipe import PromptRecipe, TrainingRecipe
from spaner_core.training.fit_statistics import fit_statistics
from spaner_core.training.material import ConceptNames

TRUSTED_LABELS = 0.8
"""Share of rows nearest their own concept's name from which names make good anchors (measured)."""


@dataclass(frozen=True, kw_only=True)
class NameReading:
    """Embedded names (C, P), and how much they say of the modality's `rows`.

    `reader_state` is the state of the reader that read them.
    """

    embeddings: Tensor
    reader_state: Mapping[str, Tensor]
    share: float
    rows: LabelledRows


@dataclass(frozen=True, kw_only=True)
class NameUse:
    """Whether names make the anchors and start their modality, and whether they train as rows."""

    as_anchors: bool
    as_rows: bool


def read_names(
    aligner: Aligner,
    rows: LabelledRows,
    names: ConceptNames,
    *,
    count: int,
    training: TrainingRecipe,
) -> NameReading:
    """Fit the statistics of the names' modality to its rows and names, and read the names.

    Raises `ConfigError` where its aligner cannot.
    """
    if not isinstance(aligner, LabelAligner):
        raise ConfigError(
            f"prompt.labels_from: the aligner of {names.modality!r} cannot embed concept "
            "names; name another modality, or set prompt.anchors to random"
        )
    own = fit_statistics(aligner, rows, names=names.rows, count=count, training=training)
    reader: Any = aligner.reader
    embeddings = names.embed(reader, count=count)
    raw = torch.cat([reader(features, mask) for features, mask, _ in LabelledBatches(own)])
    return NameReading(
        embeddings=embeddings,
        reader_state={name: value.clone() for name, value in reader.state_dict().items()},
        share=label_informativeness(raw, own.concepts, embeddings, trust=own.trust),
        rows=own,
    )


def judge_names(reading: NameReading | None, recipe: PromptRecipe, *, count: int) -> NameUse:
    """Decide what concept names are good for, from the share of rows nearest their own name.

    Well above chance they are training rows; from 0.8 they make the anchors too. Identifiers as
    names would otherwise mislead (measured: random anchors do better there).
    """
    if reading is None or count < 2:
        if recipe.anchors == "labels":
            raise ConfigError(
                "prompt.anchors is 'labels', but no modality of this training embeds concept "
                "names; train one that does, or set prompt.anchors to auto or random"
            )
        return NameUse(as_anchors=False, as_rows=False)
    if recipe.anchors == "labels":
        return NameUse(as_anchors=True, as_rows=True)
    chance = 1 / count
    doubt = 2 * math.sqrt(chance * (1 - chance) / max(int((reading.rows.concepts >= 0).sum()), 1))
    trusted = reading.share >= TRUSTED_LABELS and recipe.anchors == "auto"
    return NameUse(as_anchors=trusted, as_rows=reading.share > chance + doubt)
