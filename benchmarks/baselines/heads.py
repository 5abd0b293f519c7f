"""Contrastive heads on frozen features: linear or MLP, every pair or each with text alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from itertools import combinations
from typing import Any, Literal

import torch
from datasets import TEXT
from spaner_core.devices import one_thread
from spaner_core.features.labelled import LabelledRows
from spaner_core.recipe import PromptRecipe, TrainingRecipe
from spaner_core.training.batches import StepBatches
from torch import Tensor, nn
from torch.nn import functional
from transformers import get_cosine_schedule_with_warmup, set_seed

from baselines.contrast import Contrast, Kind
from baselines.reading import read
from baselines.task import Fit, Outcome, Settings, Task

Shape = Literal["linear", "mlp"]
HIDDEN, HIDDEN_DROPOUT = 256, 0.1
WIDTH = PromptRecipe().dim


class Head(nn.Module):
    """From vectors (B, 1, P) to unit embeddings (B, D); sizes and dropout are SPANER's."""

    def __init__(self, shape: Shape, width: int, *, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten(), nn.Dropout(dropout)]
        if shape == "mlp":
            layers += [nn.Linear(width, HIDDEN), nn.GELU(), nn.Dropout(HIDDEN_DROPOUT)]
            width = HIDDEN
        self.layers = nn.Sequential(*layers, nn.Linear(width, WIDTH))
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.in_features))
                nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Embed features (B, 1, P); none of them is padding."""
        return functional.normalize(self.layers(features), dim=-1)


def contrastive_head(shape: Shape, kind: Kind) -> Fit:
    """Contrast every pair of modalities."""
    return partial(_fit, shape=shape, kind=kind, bound=False)


def bound_to_text(task: Task, settings: Settings) -> Outcome:
    """Contrast each other modality with text alone, never with each other (as ImageBind binds)."""
    return _fit(task, settings, shape="mlp", kind=settings["loss"], bound=True)


def _fit(task: Task, settings: Settings, *, shape: Shape, kind: Kind, bound: bool) -> Outcome:
    set_seed(task.seed)
    reading = read(task)
    heads = {
        name: Head(shape, points.values.shape[1], dropout=settings["dropout"])
        for name, points in reading.rows.items()
    }
    pairs = [pair for pair in combinations(heads, 2) if not bound or TEXT in pair]
    contrast = Contrast(pairs, kind=kind, scale=settings["scale"], seed=task.seed)
    rows = {name: points.as_rows() for name, points in reading.rows.items()}
    train_heads(heads, rows, reading.names.as_rows(), contrast, training_of(task, settings))
    return Outcome(
        embeddings={name: embed_points(heads[name], p) for name, p in reading.shown.items()},
        parameters=count_trained([*heads.values(), contrast]),
    )


def training_of(task: Task, settings: Settings) -> TrainingRecipe:
    """Return SPANER's own steps, batch and schedule, with the task's seed and learning rate."""
    return TrainingRecipe(seed=task.seed, learning_rate=settings["learning_rate"])


def train_heads(
    heads: Mapping[str, nn.Module],
    rows: Mapping[str, LabelledRows],
    names: LabelledRows,
    contrast: Contrast,
    training: TrainingRecipe,
) -> None:
    """Train heads and contrast in place: SPANER's optimiser and draws, in a bare loop.

    A head maps features (B, N, E) and mask (B, N) to unit embeddings (B, D). `names` join every
    batch of texts.
    """
    batches = StepBatches(rows, {TEXT: names}, training)
    modules = nn.ModuleList([*heads.values(), contrast])
    optimiser = _make_optimiser(modules, training)
    schedule = get_cosine_schedule_with_warmup(optimiser, training.warmup_steps, len(batches))
    modules.train()
    with one_thread():
        for step in range(len(batches)):
            batch = batches[step]
            embeddings = {n: heads[n](part["features"], part["mask"]) for n, part in batch.items()}
            loss: Any = contrast(embeddings, {n: part["concepts"] for n, part in batch.items()})
            loss.backward()
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
    modules.eval()


def _make_optimiser(modules: nn.Module, training: TrainingRecipe) -> torch.optim.Optimizer:
    """Return AdamW as the Trainer has it; only matrices decay."""
    trained = [p for p in modules.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.ndim >= 2], "weight_decay": training.weight_decay},
            {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=training.learning_rate,
        betas=(0.9, training.adam_beta2),
    )


def embed_points(head: nn.Module, points: Tensor) -> Tensor:
    """Embed unit vectors (n, P), at the size at which the head was trained, as (n, D)."""
    values = (points * math.sqrt(points.shape[1])).unsqueeze(1)
    with torch.no_grad():
        embedded: Tensor = head(values, torch.ones(values.shape[:2], dtype=torch.bool))
    return embedded


def count_trained(modules: list[nn.Module]) -> int:
    """Count the parameters that training changes."""
    return sum(p.numel() for module in modules for p in module.parameters() if p.requires_grad)
