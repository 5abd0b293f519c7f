"""Trains aligners jointly, or one alone against a finished prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from transformers import set_seed

from spaner_core.contract.modality import Aligner
from spaner_core.errors import DataError
from spaner_core.features.labelled import LabelledBatches, LabelledRows
from spaner_core.method.losses import AlignmentLoss, anchor_loss
from spaner_core.method.prompt import SharedPrompt
from spaner_core.progress import spent
from spaner_core.recipe import LossRecipe, TrainingRecipe
from spaner_core.training.batches import ModalityBatch, StepBatches, settle_steps
from spaner_core.training.loop import run
from spaner_core.training.material import check_concepts
from spaner_core.training.monitoring import Monitor


def train_jointly(
    prompt: SharedPrompt,
    aligners: Mapping[str, Aligner],
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


def train_attached(
    prompt: SharedPrompt,
    name: str,
    aligner: Aligner,
    rows: LabelledRows,
    *,
    training: TrainingRecipe,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> None:
    """Train one aligner against a finished prompt, in place: CE(s_a·h Aᵀ, concept) alone.

    Needs no data of any other modality; the prompt's anchors and scalars stay as they are. Raises
    `ConfigError` as `train_jointly` does.
    """
    module = AttachTraining(prompt.freeze(), aligner, name)
    run(
        module,
        StepBatches({name: rows}, {}, training),
        prompt=prompt,
        aligners={name: aligner},
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
        return {
            "loss": self.loss(alignments, concepts, items, self.prompt),
            "embeddings": {name: given.embedding for name, given in alignments.items()},
        }


class AttachTraining(nn.Module):
    """One aligner against a frozen prompt."""

    def __init__(self, prompt: SharedPrompt, aligner: Any, name: str) -> None:
        super().__init__()
        self.prompt, self.aligner, self.name = prompt, aligner, name

    def forward(self, batch: dict[str, ModalityBatch]) -> dict[str, Any]:
        """Return the anchor loss of one batch and its embeddings, at no pull."""
        part = batch[self.name]
        alignment = self.aligner(
            part["features"], part["mask"], self.prompt.anchors, beta=self.prompt.beta, strength=0.0
        )
        return {
            "loss": anchor_loss(alignment.direction, part["concepts"], self.prompt),
            "embeddings": {self.name: alignment.embedding},
        }


def fit_attached(
    name: str,
    build: Callable[[], Aligner],
    rows: LabelledRows,
    prompt: SharedPrompt,
    *,
    training: TrainingRecipe,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> Aligner:
    """Train the aligner of `name` on its own labelled rows; no other modality is needed.

    Rows without a concept set centre and scale only.

    Raises `DataError` where the rows are of fewer than two concepts (items alone do not do, as no
    anchor is theirs), and `ConfigError` where numbers are no longer finite.
    """
    labelled = rows.take(torch.nonzero(rows.concepts >= 0).flatten())
    if not len(labelled):
        raise DataError(
            f"no training row of modality {name!r} has a concept; an aligner is attached to the "
            "anchors of concepts, and items say nothing of them. Give the manifest's rows concepts"
        )
    check_concepts(name, labelled)
    training = settle_steps(training, {name: labelled})
    set_seed(training.seed)
    aligner = build()
    with spent("statistics"):
        aligner.fit_statistics(LabelledBatches(rows), concept_count=len(prompt.anchors))
    train_attached(
        prompt, name, aligner, labelled, training=training, device=device, monitor=monitor
    )
    return aligner
