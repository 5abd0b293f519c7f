"""SPANER, and what remains of its aligner without the prompt."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import torch
from spaner.training.plan import count_parameters
from spaner_core.recipe import LossRecipe, Recipe, TrainingRecipe
from torch import Tensor, nn
from transformers import set_seed
from trials import fit

from baselines.contrast import Contrast
from baselines.heads import WIDTH, count_trained, train_heads, training_of
from baselines.reading import fitted_aligner
from baselines.task import Outcome, Settings, Task


def ours(task: Task, settings: Settings) -> Outcome:
    """Train a space on concepts as `spaner train` does, and embed at its strength for kinds."""
    return with_pairs(replace(task, dataset=task.dataset.with_train(task.rows)), settings)


def with_pairs(task: Task, settings: Settings) -> Outcome:
    """Train on rows of the same items, too, as far as there are any, labelled or not."""
    options = {name: settings[name] for name in ("dropout", "mean_sharpness")}
    recipe = Recipe(
        loss=LossRecipe(anchor_weight=settings["anchor_weight"]),
        training=TrainingRecipe(learning_rate=settings["learning_rate"]),
    )
    space = fit(task.dataset.with_options(**options), seed=task.seed, recipe=recipe)
    trained = [space.prompt, *map(space.aligner, space.modalities)]
    return Outcome(
        embeddings={
            name: torch.from_numpy(space.embed(name, rows)) for name, rows in task.shown.items()
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
        anchors = features.new_zeros(self.aligner.concept_count, WIDTH)
        embedded: Tensor = self.aligner(
            features, mask, anchors, beta=torch.ones(()), strength=0.0
        ).direction
        return embedded


def without_prompt(task: Task, settings: Settings) -> Outcome:
    """Train the same aligners on the same contrast: no pull, anchor loss, tie or class means."""
    set_seed(task.seed)
    rows = task.rows
    options = {"dropout": settings["dropout"], "mean_sharpness": 0.0}
    heads = {name: _Promptless(fitted_aligner(task, name, options)) for name in rows}
    pairs = list(combinations(heads, 2))
    contrast = Contrast(pairs, kind="supcon", scale=settings["scale"], seed=task.seed)
    train_heads(heads, rows, task.names, contrast, training_of(task, settings))
    with torch.no_grad():
        embeddings = {n: heads[n](shown.values, shown.mask) for n, shown in task.shown.items()}
    return Outcome(embeddings=embeddings, parameters=count_trained([*heads.values(), contrast]))
