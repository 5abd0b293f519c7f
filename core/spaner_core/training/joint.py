"""From features to a space: make the shared prompt, then train it with its first modalities."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import set_seed

from spaner_core.data.labelled import LabelledBatches, LabelledRows, join_labelled
from spaner_core.errors import ConfigError, DataError
from spaner_core.label_reading import embed_labels
from spaner_core.modality import Aligner, LabelAligner
from spaner_core.profiling import spent
from spaner_core.prompt import (
    SharedPrompt,
    anchors_from_labels,
    label_informativeness,
    random_anchors,
)
from spaner_core.recipe import PromptRecipe, Recipe
from spaner_core.training.monitoring import Monitor
from spaner_core.training.trainer import train_jointly

TRUSTED_LABELS = 0.8
"""Share of rows nearest their own concept's name from which names make good anchors (measured)."""


@dataclass(frozen=True)
class ConceptNames:
    """Embedded concept names: the modality that embedded them, a row a text."""

    modality: str
    rows: LabelledRows


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What joint training gives.

    `tied` is true where concept names made the anchors; `labels_used` is false where names said
    nothing about the rows and were left out altogether. `label_modality` embedded the names.
    """

    prompt: SharedPrompt
    aligners: Mapping[str, Aligner]
    tied: bool
    labels_used: bool
    label_modality: str | None
    informativeness: float | None


def fit_space(
    builders: Mapping[str, Callable[[], Aligner]],
    rows: Mapping[str, LabelledRows],
    *,
    concepts: Sequence[str],
    labels: ConceptNames | None,
    recipe: Recipe,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> Trained:
    """Train a new space on labelled rows of its first modalities.

    Same seed, same machine, same bytes. Raises `DataError` where a modality has labelled rows of
    fewer than two concepts, and `ConfigError` where the modality of `labels` cannot embed names
    or numbers are no longer finite.
    """
    for name, part in rows.items():
        check_concepts(name, part)
    set_seed(recipe.training.seed)
    aligners = {name: build() for name, build in builders.items()}
    reading = _read_labels(aligners, rows, labels, count=len(concepts))
    use = _judge_labels(reading, recipe.prompt, count=len(concepts))
    kept = labels if use.as_rows else None
    for name, aligner in aligners.items():
        if kept is None or name != kept.modality:  # the reading has fitted that one, names included
            _fit_statistics(aligner, [rows[name]], count=len(concepts))
    prompt = _make_prompt(reading if use.as_anchors else None, count=len(concepts), recipe=recipe)
    if use.as_anchors and labels is not None:
        tied: Any = aligners[labels.modality]
        tied.start_from(prompt.label_map)
    train_jointly(
        prompt,
        aligners,
        rows,
        always={kept.modality: kept.rows} if kept else {},
        loss=recipe.loss,
        training=recipe.training,
        device=device,
        monitor=monitor,
    )
    return Trained(
        prompt=prompt,
        aligners=aligners,
        tied=use.as_anchors,
        labels_used=use.as_rows,
        label_modality=labels.modality if labels else None,
        informativeness=reading.share if reading else None,
    )


def check_concepts(name: str, rows: LabelledRows) -> None:
    """Raise `DataError` where nothing says which rows belong together, or one concept is all."""
    known = set(rows.concepts[rows.concepts >= 0].tolist())
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


@dataclass(frozen=True, kw_only=True)
class _LabelReading:
    """Embedded names (C, P), and how much they say of the modality's `rows` labelled rows.

    `reader_state` is the state of the reader that read them.
    """

    embeddings: Tensor
    reader_state: Mapping[str, Tensor]
    share: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class _LabelUse:
    as_anchors: bool
    as_rows: bool


def _read_labels(
    aligners: Mapping[str, Aligner],
    rows: Mapping[str, LabelledRows],
    labels: ConceptNames | None,
    *,
    count: int,
) -> _LabelReading | None:
    if labels is None:
        return None
    aligner, own = aligners[labels.modality], rows[labels.modality]
    if not isinstance(aligner, LabelAligner):
        raise ConfigError(
            f"prompt.labels_from: the aligner of {labels.modality!r} cannot embed concept "
            "names; name another modality, or set prompt.anchors to random"
        )
    _fit_statistics(aligner, [own, labels.rows], count=count)
    reader: Any = aligner.reader
    embeddings = embed_labels(reader, labels.rows, count=count)
    raw = torch.cat([reader(features, mask) for features, mask, _ in LabelledBatches(own)])
    return _LabelReading(
        embeddings=embeddings,
        reader_state={name: value.clone() for name, value in reader.state_dict().items()},
        share=label_informativeness(raw, own.concepts, embeddings),
        rows=int((own.concepts >= 0).sum()),
    )


def _fit_statistics(aligner: Aligner, parts: Sequence[LabelledRows], *, count: int) -> None:
    with spent("statistics"):
        aligner.fit_statistics(LabelledBatches(join_labelled(parts)), concept_count=count)


def _judge_labels(reading: _LabelReading | None, recipe: PromptRecipe, *, count: int) -> _LabelUse:
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
        return _LabelUse(as_anchors=False, as_rows=False)
    if recipe.anchors == "labels":
        return _LabelUse(as_anchors=True, as_rows=True)
    chance = 1 / count
    doubt = 2 * math.sqrt(chance * (1 - chance) / max(reading.rows, 1))
    trusted = reading.share >= TRUSTED_LABELS and recipe.anchors == "auto"
    return _LabelUse(as_anchors=trusted, as_rows=reading.share > chance + doubt)


def _make_prompt(reading: _LabelReading | None, *, count: int, recipe: Recipe) -> SharedPrompt:
    generator = torch.Generator().manual_seed(recipe.training.seed)
    dim, whitening = recipe.prompt.dim, recipe.prompt.whitening
    if reading is None:
        anchor_set = random_anchors(count, dim=dim, generator=generator)
    else:
        anchor_set = anchors_from_labels(
            reading.embeddings, dim=dim, whitening=whitening, generator=generator
        )
    return SharedPrompt(
        anchor_set,
        beta=recipe.prompt.read_out_sharpness,
        scale=recipe.loss.scale,
        label_reader=reading.reader_state if reading else None,
    )
