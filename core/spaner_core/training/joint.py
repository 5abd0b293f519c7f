"""From features to a space: make the shared prompt, then train it with its first modalities."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import set_seed

from spaner_core.data.labelled import LabelledRows
from spaner_core.errors import ConfigError, DataError
from spaner_core.features.rows import FeatureRows, join_rows
from spaner_core.modality import Aligner, LabelAligner
from spaner_core.prompt import (
    AnchorSet,
    SharedPrompt,
    anchors_from_labels,
    label_informativeness,
    random_anchors,
)
from spaner_core.recipe import PromptRecipe, Recipe
from spaner_core.training.trainer import train_jointly

TRUSTED_LABELS = 0.8
"""Share of rows nearest their own concept's name from which names make good anchors (measured)."""


@dataclass(frozen=True, kw_only=True)
class Labels:
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
    labels: Labels | None,
    recipe: Recipe,
    device: str = "auto",
) -> Trained:
    """Train a new space on labelled rows of its first modalities.

    Same seed, same machine, same bytes. Raises `DataError` where a modality has labelled rows of
    fewer than two concepts, and `ConfigError` where the modality of `labels` cannot embed names.
    """
    for name, part in rows.items():
        check_concepts(name, part)
    set_seed(recipe.training.seed)
    aligners = {name: build() for name, build in builders.items()}
    embeddings, share = None, None
    if labels is not None:
        aligner = aligners[labels.modality]
        if not isinstance(aligner, LabelAligner):
            raise ConfigError(
                f"prompt.labels_from: the aligner of {labels.modality!r} cannot embed concept "
                "names; name another modality, or set prompt.anchors to random"
            )
        own = rows[labels.modality]
        aligner.fit_statistics(
            *_padded(own.features, labels.rows.features),
            torch.cat([own.concepts, labels.rows.concepts]),
            concept_count=len(concepts),
        )
        embeddings = _label_embeddings(aligner, labels.rows, count=len(concepts))
        raw = aligner.read(own.features.values, own.features.mask)
        share = label_informativeness(raw, own.concepts, embeddings)
    use = _judge_labels(share, rows[labels.modality] if labels else None, recipe.prompt, concepts)
    kept = labels if use.as_rows else None
    for name, aligner in aligners.items():
        if kept is None or name != kept.modality:
            part = rows[name]
            aligner.fit_statistics(
                part.features.values,
                part.features.mask,
                part.concepts,
                concept_count=len(concepts),
            )
    anchor_set = _make_anchors(
        embeddings if use.as_anchors else None, count=len(concepts), recipe=recipe
    )
    if use.as_anchors and labels is not None:
        tied: Any = aligners[labels.modality]
        tied.start_from(anchor_set.label_map)
    prompt = SharedPrompt(
        anchor_set, beta=recipe.prompt.read_out_sharpness, scale=recipe.loss.scale
    )
    train_jointly(
        prompt,
        aligners,
        rows,
        always={kept.modality: kept.rows} if kept else {},
        loss=recipe.loss,
        training=recipe.training,
        device=device,
    )
    return Trained(
        prompt=prompt,
        aligners=aligners,
        tied=use.as_anchors,
        labels_used=use.as_rows,
        label_modality=labels.modality if labels else None,
        informativeness=share,
    )


def check_concepts(name: str, rows: LabelledRows) -> None:
    """Raise `DataError` where labelled rows are of fewer than two concepts."""
    known = rows.concepts[rows.concepts >= 0].unique()
    if len(known) == 1 or (len(known) == 0 and (rows.items < 0).all()):
        raise DataError(
            f"modality {name!r} has training rows of {len(known)} concept"
            f"{'' if len(known) == 1 else 's'}; at least 2 are needed to tell them apart. Add rows "
            "of other concepts to the manifest"
        )


@dataclass(frozen=True)
class _LabelUse:
    as_anchors: bool
    as_rows: bool


def _judge_labels(
    share: float | None, rows: LabelledRows | None, recipe: PromptRecipe, concepts: Sequence[str]
) -> _LabelUse:
    """Decide what concept names are good for, from the share of rows nearest their own name.

    Well above chance they are training rows; from 0.8 they make the anchors too. Identifiers as
    names would otherwise mislead (measured: random anchors do better there).
    """
    if share is None or rows is None or len(concepts) < 2:
        if recipe.anchors == "labels":
            raise ConfigError(
                "prompt.anchors is 'labels', but prompt.labels_from names no modality of this "
                "training; name one that embeds concept names, or set anchors to auto or random"
            )
        return _LabelUse(as_anchors=False, as_rows=False)
    if recipe.anchors == "labels":
        return _LabelUse(as_anchors=True, as_rows=True)
    chance = 1 / len(concepts)
    count = int((rows.concepts >= 0).sum())
    doubt = 2 * math.sqrt(chance * (1 - chance) / max(count, 1))
    trusted = share >= TRUSTED_LABELS and recipe.anchors == "auto"
    return _LabelUse(as_anchors=trusted, as_rows=share > chance + doubt)


def _label_embeddings(aligner: LabelAligner, labels: LabelledRows, *, count: int) -> Tensor:
    raw = aligner.read(labels.features.values, labels.features.mask)  # (texts, P)
    sums = raw.new_zeros(count, raw.shape[1]).index_add_(0, labels.concepts, raw)
    texts = torch.bincount(labels.concepts, minlength=count).clamp_min(1)
    return sums / texts.unsqueeze(-1)


def _make_anchors(embeddings: Tensor | None, *, count: int, recipe: Recipe) -> AnchorSet:
    generator = torch.Generator().manual_seed(recipe.training.seed)
    if embeddings is None:
        return random_anchors(count, dim=recipe.prompt.dim, generator=generator)
    return anchors_from_labels(
        embeddings, dim=recipe.prompt.dim, whitening=recipe.prompt.whitening, generator=generator
    )


def _padded(first: FeatureRows, second: FeatureRows) -> tuple[Tensor, Tensor]:
    joined = join_rows([first, second])
    return joined.values, joined.mask
