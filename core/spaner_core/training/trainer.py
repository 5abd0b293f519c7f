"""The training loop: `transformers.Trainer` around modules that return the loss.

Ours are those modules and the sampler that draws each modality's rows independently.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainingArguments

from spaner_core.data.labelled import LabelledRows
from spaner_core.features.rows import stack_rows
from spaner_core.losses import AlignmentLoss, anchor_loss
from spaner_core.modality import Aligner
from spaner_core.profiling import spent
from spaner_core.progress import shows_progress
from spaner_core.prompt import SharedPrompt
from spaner_core.recipe import LossRecipe, TrainingRecipe
from spaner_core.threads import one_thread

ModalityBatch = dict[str, Tensor]


def train_jointly(
    prompt: SharedPrompt,
    aligners: Mapping[str, Aligner],
    rows: Mapping[str, LabelledRows],
    *,
    always: Mapping[str, LabelledRows],
    loss: LossRecipe,
    training: TrainingRecipe,
    device: str = "auto",
) -> None:
    """Train `aligners` and the prompt's two scalars together, in place.

    `rows` holds each modality's training rows, `always` rows that join every batch (the concepts'
    names, in the modality that gave the prompt). The anchors never change.
    """
    module = JointTraining(prompt, aligners, AlignmentLoss(**vars(loss)))
    _run(module, StepBatches(rows, always, training), training, device)


def train_attached(
    prompt: SharedPrompt,
    name: str,
    aligner: Aligner,
    rows: LabelledRows,
    *,
    training: TrainingRecipe,
    device: str = "auto",
) -> None:
    """Train one aligner against a finished prompt, in place: CE(s_a·h Aᵀ, concept) alone.

    Needs no data of any other modality; the prompt's anchors and scalars stay as they are.
    """
    module = AttachTraining(prompt.freeze(), aligner, name)
    _run(module, StepBatches({name: rows}, {}, training), training, device)


class JointTraining(nn.Module):
    """Prompt, aligners and loss as one module, as the Trainer wants it."""

    def __init__(
        self, prompt: SharedPrompt, aligners: Mapping[str, Any], loss: AlignmentLoss
    ) -> None:
        super().__init__()
        self.prompt, self.loss = prompt, loss
        self.aligners = nn.ModuleDict(aligners)

    def forward(self, batch: dict[str, ModalityBatch]) -> dict[str, Tensor]:
        """Return the alignment loss of one batch, at a random pull strength."""
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
        return {"loss": self.loss(alignments, concepts, items, self.prompt)}


class AttachTraining(nn.Module):
    """One aligner against a frozen prompt."""

    def __init__(self, prompt: SharedPrompt, aligner: Any, name: str) -> None:
        super().__init__()
        self.prompt, self.aligner, self.name = prompt, aligner, name

    def forward(self, batch: dict[str, ModalityBatch]) -> dict[str, Tensor]:
        """Return the anchor loss of one batch."""
        part = batch[self.name]
        alignment = self.aligner(
            part["features"], part["mask"], self.prompt.anchors, beta=self.prompt.beta, strength=0.0
        )
        return {"loss": anchor_loss(alignment.direction, part["concepts"], self.prompt)}


class StepBatches(Dataset[dict[str, ModalityBatch]]):
    """Step i's batch: rows of each modality drawn without replacement, by seed and step alone."""

    def __init__(
        self,
        rows: Mapping[str, LabelledRows],
        always: Mapping[str, LabelledRows],
        training: TrainingRecipe,
    ) -> None:
        # a row with neither concept nor item has served the statistics and pulls nowhere
        drawable = {
            name: torch.nonzero((r.concepts >= 0) | (r.items >= 0)).flatten()
            for name, r in rows.items()
        }
        self.rows = {name: part.take(drawable[name]) for name, part in rows.items()}
        self.always, self.training = always, training

    def __len__(self) -> int:
        return self.training.max_steps

    def __getitem__(self, step: int) -> dict[str, ModalityBatch]:
        generator = torch.Generator().manual_seed(self.training.seed * 1_000_003 + step)
        size = self.training.per_device_train_batch_size
        batch = {}
        for name, rows in self.rows.items():
            drawn = rows.take(torch.randperm(len(rows), generator=generator)[:size])
            parts = [drawn, self.always[name]] if name in self.always else [drawn]
            batch[name] = _as_batch(parts)
        return batch


def _as_batch(parts: list[LabelledRows]) -> ModalityBatch:
    rows = stack_rows([part.features.load() for part in parts])
    return {
        "features": rows.values,
        "mask": rows.mask,
        "concepts": torch.cat([part.concepts for part in parts]),
        "items": torch.cat([part.items for part in parts]),
    }


class _AlignmentTrainer(Trainer):
    """Trainer that decays matrices only."""

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        return [name for name, parameter in model.named_parameters() if parameter.ndim >= 2]


class _Progress(ProgressCallback):
    """A bar without the Trainer's closing figures, which go to standard output."""

    def on_log(self, *_: Any, **__: Any) -> None:
        """Write nothing."""


def _keep_quiet(trainer: Trainer) -> None:
    trainer.remove_callback(PrinterCallback)
    if trainer.pop_callback(ProgressCallback) is not None:
        trainer.add_callback(_Progress)


def _first(batches: list[dict[str, ModalityBatch]]) -> dict[str, dict[str, ModalityBatch]]:
    return {"batch": batches[0]}  # one item of the data set is one whole batch


def _run(module: nn.Module, batches: StepBatches, training: TrainingRecipe, device: str) -> None:
    settings = {k: v for k, v in vars(training).items() if k != "per_device_train_batch_size"}
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=1,  # one item is one batch
            train_sampling_strategy="sequential",
            lr_scheduler_type="cosine",
            max_grad_norm=0.0,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            disable_tqdm=not shows_progress(),
            use_cpu=device == "cpu",
            **settings,
        )
        trainer = _AlignmentTrainer(
            model=module, args=arguments, train_dataset=batches, data_collator=_first
        )
        _keep_quiet(trainer)
        module.train()
        with one_thread(), spent("step"):
            trainer.train()
    module.eval().cpu()
