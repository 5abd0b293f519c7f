"""Makes the shared prompt and trains it with its first modalities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import torch
from transformers import set_seed

from spaner_core.contract.modality import Aligner
from spaner_core.data.matches import NONE
from spaner_core.features.labelled import LabelledRows
from spaner_core.method.prompt import (
    SharedPrompt,
    anchors_from_labels,
    random_anchors,
)
from spaner_core.recipe import THING_STRENGTH, Recipe, TrainingRecipe
from spaner_core.space.records import PromptBlock, PromptRecord, Same
from spaner_core.space.space import Space
from spaner_core.space.trained import SpaceAligner
from spaner_core.training.batches import settle_steps
from spaner_core.training.fit_item_maps import fit_joint_maps
from spaner_core.training.fit_statistics import fit_statistics
from spaner_core.training.material import Material, check_concepts
from spaner_core.training.monitoring import Monitor
from spaner_core.training.names import NameReading, judge_names, read_names
from spaner_core.training.trainer import train_jointly


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
    reading = (
        read_names(
            aligners[names.modality],
            rows[names.modality],
            names,
            count=count,
            training=recipe.training,
        )
        if names
        else None
    )
    use = judge_names(reading, recipe.prompt, count=count)
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
    strengths = trained_strengths(rows, recipe)
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
    if recipe.loss.item_weight:
        fit_joint_maps(aligners, rows, prompt, seed=recipe.training.seed)
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


def trained_strengths(rows: Mapping[str, LabelledRows], recipe: Recipe) -> dict[Same, float]:
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


def _make_prompt(reading: NameReading | None, *, count: int, recipe: Recipe) -> SharedPrompt:
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
