"""Trains aligners jointly, or one alone against a finished prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from transformers import set_seed

from spaner_core.contract.modality import Aligner
from spaner_core.errors import DataError
from spaner_core.features.labelled import LabelledRows
from spaner_core.method.losses import AlignmentLoss
from spaner_core.method.prompt import SharedPrompt
from spaner_core.recipe import LossRecipe, Recipe, TrainingRecipe
from spaner_core.training.batches import ModalityBatch, StepBatches, settle_steps
from spaner_core.training.fit_statistics import fit_statistics
from spaner_core.training.loop import run
from spaner_core.training.material import check_concepts
from spaner_core.training.monitoring import Monitor
from spaner_core.training.settled import SettledAligner, pulled_rows


def train_jointly(
    prompt: SharedPrompt,
    aligners: Mapping[str, Any],
    rows: Mapping[str, LabelledRows],
    *,
    names: Mapping[str, LabelledRows],
    loss: LossRecipe,
    training: TrainingRecipe,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> None:
    """Train `aligners` and the prompt's two scalars together, in place.

    `rows` holds each modality's training rows, `names` the concepts' names, in the modality that
    gave the prompt. The anchors never change. Raises `ConfigError` where numbers are no longer
    finite, after keeping the batch in the monitor's folder.
    """
    module = JointTraining(prompt, aligners, AlignmentLoss(**vars(loss)))
    run(
        module,
        StepBatches(rows, names, training),
        prompt=prompt,
        aligners=aligners,
        training=training,
        device=device,
        monitor=monitor,
    )


class JointTraining(nn.Module):
    """Prompt, aligners and loss as one module, as the Trainer wants it."""

    def __init__(
        self, prompt: SharedPrompt, aligners: Mapping[str, Any], loss: AlignmentLoss
    ) -> None:
        super().__init__()
        self.prompt, self.loss = prompt, loss
        self.aligners = nn.ModuleDict(aligners)

    def forward(self, batch: dict[str, ModalityBatch]) -> dict[str, Any]:
        """Return the alignment loss of one batch and its embeddings, at a random pull strength."""
        strength = torch.rand(())  # any strength may be chosen later, so every one is trained
        alignments = {
            name: self.aligners[name](
                part["features"],
                part["mask"],
                self.prompt.anchors,
                beta=self.prompt.beta,
                strength=strength,
            )
            for name, part in batch.items()
        }
        concepts = {name: part["concepts"] for name, part in batch.items()}
        items = {name: part["items"] for name, part in batch.items()}
        trust = {name: part["trust"] for name, part in batch.items() if "trust" in part}
        return {
            "loss": self.loss(alignments, concepts, items, self.prompt, trust=trust or None),
            "embeddings": {name: given.embedding for name, given in alignments.items()},
        }


def fit_attached(
    name: str,
    build: Callable[[], Aligner],
    rows: LabelledRows,
    prompt: SharedPrompt,
    *,
    partners: Mapping[str, LabelledRows] | None = None,
    recipe: Recipe,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> Aligner:
    """Train the aligner of `name` alone, by its labels, by pairs with `partners`, or by both.

    `partners` are rows of modalities that are finished, as `embed_once` gives them. Without any
    no other modality is needed: the loss is CE(s_a·h Aᵀ, concept). With them it is that of joint
    training, in which they and the prompt stay as they are. Rows that nothing pulls set centre and
    scale only.

    Raises `DataError` where all rows are such, or those with a concept are of one alone, and
    `ConfigError` where numbers are no longer finite.
    """
    partners, loss = partners or {}, recipe.loss
    learnt = pulled_rows(rows, partners)
    if not len(learnt):
        raise DataError(
            f"no training row of modality {name!r} has a concept, or an item of another modality; "
            "an aligner is attached to the anchors of concepts, or to rows of the same items. "
            "Give the manifest's rows concepts or items"
        )
    check_concepts(name, learnt)
    if not partners:
        loss = replace(loss, anchor_weight=1.0)  # with nothing beside it there is nothing to weigh
    training = settle_steps(recipe.training, {name: learnt, **partners})
    set_seed(training.seed)
    aligner = build()
    rows = fit_statistics(aligner, rows, count=len(prompt.anchors), training=training)
    train_jointly(
        prompt.freeze(),
        {name: aligner, **{partner: SettledAligner() for partner in partners}},
        {name: pulled_rows(rows, partners), **partners},
        names={},
        loss=loss,
        training=training,
        device=device,
        monitor=monitor,
    )
    return aligner
