"""Trains aligners jointly, by the alignment loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from spaner_core.features.labelled import LabelledRows
from spaner_core.method.losses import AlignmentLoss
from spaner_core.method.prompt import SharedPrompt
from spaner_core.recipe import LossRecipe, TrainingRecipe
from spaner_core.training.batches import ModalityBatch, StepBatches
from spaner_core.training.loop import run
from spaner_core.training.monitoring import Monitor


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
    """Train `aligners` and the prompt's beta together, in place.

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
