"""SPANER, and what remains of its aligner without the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import combinations
from typing import Any

import torch
from digits import origin
from spaner.demo.texts import DIGITS
from spaner.training.plan import count_parameters
from spaner_core import FeatureSpec
from spaner_core.devices import one_thread
from spaner_core.features.labelled import LabelledRows
from spaner_core.recipe import LossRecipe, Recipe, TrainingRecipe
from spaner_core.training.joint import fit_space
from spaner_core.training.material import ConceptNames, Material, ModalityMaterial
from torch import Tensor, nn
from transformers import set_seed

from baselines.contrast import Contrast
from baselines.heads import WIDTH, count_trained, train_heads, training_of
from baselines.reading import fitted_aligner
from baselines.task import CONCEPT_COUNT, TEXT, Outcome, Settings, Task

STRENGTH = 0.5


def ours(task: Task, settings: Settings) -> Outcome:
    """Train a space as `spaner train` does and embed at strength 0.5."""
    options = {name: settings[name] for name in ("dropout", "mean_sharpness")}
    recipe = Recipe(
        loss=LossRecipe(anchor_weight=settings["anchor_weight"]),
        training=TrainingRecipe(seed=task.seed, learning_rate=settings["learning_rate"]),
    )
    modalities = {
        name: ModalityMaterial(
            record=origin(name, FeatureSpec(dim=task.shown[name].values.shape[-1])),
            build=partial(task.build, name, options),
            rows=rows,
        )
        for name, rows in task.rows.items()
    }
    material = Material(
        modalities=modalities,
        label_texts={concept: (concept,) for concept in DIGITS},
        names=ConceptNames(modality=TEXT, rows=task.names),
    )
    with one_thread():
        space = fit_space(material, recipe=recipe, device="cpu").space
    trained = [space.prompt, *map(space.aligner, space.modalities)]
    return Outcome(
        embeddings={
            name: torch.from_numpy(space.embed(name, rows, strength=STRENGTH))
            for name, rows in task.shown.items()
        },
        parameters=sum(map(count_parameters, trained)) + 1,  # the loss has a scale
    )


class _Promptless(nn.Module):
    """An aligner that nothing pulls: its own direction alone."""

    def __init__(self, aligner: Any) -> None:
        super().__init__()
        self.aligner = aligner

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Embed features (B, N, E) with mask (B, N)."""
        anchors = features.new_zeros(CONCEPT_COUNT, WIDTH)
        embedded: Tensor = self.aligner(
            features, mask, anchors, beta=torch.ones(()), strength=0.0
        ).direction
        return embedded


def without_prompt(task: Task, settings: Settings) -> Outcome:
    """Train the same aligners on the same contrast: no pull, anchor loss, tie or class means."""
    set_seed(task.seed)
    options = {"dropout": settings["dropout"], "mean_sharpness": 0.0}
    heads = {name: _Promptless(fitted_aligner(task, name, options)) for name in task.rows}
    pairs = list(combinations(heads, 2))
    contrast = Contrast(pairs, kind="supcon", scale=settings["scale"], seed=task.seed)
    rows: Mapping[str, LabelledRows] = task.rows
    train_heads(heads, rows, task.names, contrast, training_of(task, settings))
    with torch.no_grad():
        embeddings = {n: heads[n](rows.values, rows.mask) for n, rows in task.shown.items()}
    return Outcome(embeddings=embeddings, parameters=count_trained([*heads.values(), contrast]))
