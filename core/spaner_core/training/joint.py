"""Makes the shared prompt and trains it with its first modalities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import torch
from torch import Tensor
from transformers import set_seed

from spaner_core.contract.modality import Aligner, LabelAligner
from spaner_core.data.matches import NONE
from spaner_core.errors import ConfigError
from spaner_core.features.labelled import LabelledBatches, LabelledRows
from spaner_core.method.prompt import (
    SharedPrompt,
    anchors_from_labels,
    label_informativeness,
    random_anchors,
)
from spaner_core.recipe import THING_STRENGTH, PromptRecipe, Recipe, TrainingRecipe
from spaner_core.space.records import PromptBlock, PromptRecord, Same
from spaner_core.space.space import Space, SpaceAligner
from spaner_core.training.batches import settle_steps
from spaner_core.training.fit_statistics import fit_statistics
from spaner_core.training.material import ConceptNames, Material, check_concepts
from spaner_core.training.monitoring import Monitor
from spaner_core.training.trainer import train_jointly

TRUSTED_LABELS = 0.8
"""Share of rows nearest their own concept's name from which names make good anchors (measured)."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A space that is not stored, as joint training gives it.

    `names_used` is false where concepts' names said nothing about the rows and were left out.
    """

    space: Space
    names_used: bool


def fit_space(
    material: Material,
    *,
    recipe: Recipe,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> Trained:
    """Train a new space on labelled rows of its first modalities.

    Same seed, same machine, same bytes. Raises `DataError` where a modality has labelled rows of
    fewer than two concepts, and `ConfigError` where the modality of the names cannot embed them
    or numbers are no longer finite.
    """
    rows, names, count = material.rows, material.names, len(material.concepts)
    for name, part in rows.items():
        check_concepts(name, part)
    recipe = replace(recipe, training=settle_steps(recipe.training, rows))
    set_seed(recipe.training.seed)
    aligners = {name: part.build() for name, part in material.modalities.items()}
    reading = _read_names(aligners, rows, names, count=count, training=recipe.training)
    use = _judge_names(reading, recipe.prompt, count=count)
    kept = names if use.as_rows else None
    for name, aligner in aligners.items():
        if reading and kept and name == kept.modality:
            rows[name] = reading.rows  # names included
        else:
            rows[name] = fit_statistics(aligner, rows[name], count=count, training=recipe.training)
    prompt = _make_prompt(reading if use.as_anchors else None, count=count, recipe=recipe)
    if use.as_anchors and names is not None:
        tied: Any = aligners[names.modality]
        tied.start_from(prompt.label_map)
    strengths = _strengths(rows, recipe)
    strength = strengths.get("kind", strengths.get("thing", recipe.prompt.strength))
    train_jointly(
        prompt,
        aligners,
        rows,
        names={kept.modality: kept.rows} if kept else {},
        loss=recipe.loss,
        training=recipe.training,
        device=device,
        monitor=monitor.at(strength) if monitor else None,
    )
    record = PromptRecord(
        concepts=material.concepts,
        label_texts=dict(material.label_texts),
        anchors="labels" if use.as_anchors else "random",
        dim=recipe.prompt.dim,
        strength=strength,
        label_source=material.modalities[names.modality].record if names else None,
        informativeness=reading.share if reading else None,
        recipe={**asdict(recipe), "training": settings_of(recipe.training, monitor)},
        strengths=strengths,
    )
    return Trained(space=_as_space(prompt, record, aligners, material), names_used=use.as_rows)


def _strengths(rows: Mapping[str, LabelledRows], recipe: Recipe) -> dict[Same, float]:
    """Return the pull strengths of things and of kinds, as far as `rows` have been trained by."""
    strengths: dict[Same, float] = {}
    # with an item_weight of 0 an item counts only where a row has no concept
    every = recipe.loss.item_weight > 0
    items = [
        set(part.items[(part.items > NONE) & (every | (part.concepts == NONE))].tolist())
        for part in rows.values()
    ]
    if any(a & b for a, b in combinations(items, 2)):
        strengths["thing"] = THING_STRENGTH
    if any(part.known_concepts for part in rows.values()):
        strengths["kind"] = recipe.prompt.strength
    return strengths


def _as_space(
    prompt: SharedPrompt,
    record: PromptRecord,
    aligners: Mapping[str, Aligner],
    material: Material,
) -> Space:
    described = {
        name: part.describe(
            record.concepts, prompt_fingerprint="", training=(record.recipe or {})["training"]
        )
        for name, part in material.modalities.items()
    }
    return Space(
        prompt,
        record,
        blocks=[
            PromptBlock(fingerprint="", concepts=record.concepts, label_texts=record.label_texts)
        ],
        aligners={
            name: SpaceAligner(record=described[name], load=partial(aligners.__getitem__, name))
            for name in aligners
        },
    )


def settings_of(training: TrainingRecipe, monitor: Monitor | None) -> dict[str, object]:
    """Return the settings of a training that its weights depend on."""
    return {**asdict(training), **(monitor.recipe.deciding if monitor else {})}


@dataclass(frozen=True, kw_only=True)
class _LabelReading:
    """Embedded names (C, P), and how much they say of the modality's `rows`.

    `reader_state` is the state of the reader that read them.
    """

    embeddings: Tensor
    reader_state: Mapping[str, Tensor]
    share: float
    rows: LabelledRows


@dataclass(frozen=True, kw_only=True)
class _LabelUse:
    as_anchors: bool
    as_rows: bool


def _read_names(
    aligners: Mapping[str, Aligner],
    rows: Mapping[str, LabelledRows],
    names: ConceptNames | None,
    *,
    count: int,
    training: TrainingRecipe,
) -> _LabelReading | None:
    if names is None:
        return None
    aligner, own = aligners[names.modality], rows[names.modality]
    if not isinstance(aligner, LabelAligner):
        raise ConfigError(
            f"prompt.labels_from: the aligner of {names.modality!r} cannot embed concept "
            "names; name another modality, or set prompt.anchors to random"
        )
    own = fit_statistics(aligner, own, names=names.rows, count=count, training=training)
    reader: Any = aligner.reader
    embeddings = names.embed(reader, count=count)
    raw = torch.cat([reader(features, mask) for features, mask, _ in LabelledBatches(own)])
    return _LabelReading(
        embeddings=embeddings,
        reader_state={name: value.clone() for name, value in reader.state_dict().items()},
        share=label_informativeness(raw, own.concepts, embeddings, trust=own.trust),
        rows=own,
    )


def _judge_names(reading: _LabelReading | None, recipe: PromptRecipe, *, count: int) -> _LabelUse:
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
    doubt = 2 * math.sqrt(chance * (1 - chance) / max(int((reading.rows.concepts >= 0).sum()), 1))
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
