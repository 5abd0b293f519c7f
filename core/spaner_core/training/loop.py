"""Runs the training loop, `transformers.Trainer`, and stops where it must."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import (
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from spaner_core.devices import one_thread
from spaner_core.errors import ConfigError
from spaner_core.method.prompt import SharedPrompt
from spaner_core.progress import describe_seconds, shows_progress, spent
from spaner_core.recipe import TrainingRecipe
from spaner_core.training.divergence import broken_weights, diverged, loss_found, not_finite
from spaner_core.training.monitoring import PREFIX, Monitor, leaving_traces, say

METRIC = "mean_map"
"""The figure by which a training stops early and its best state is known."""

OWN_SETTINGS = ("per_device_train_batch_size", "check_labels", "use_unlabelled")
"""Settings that batches and statistics follow, not the loop."""

TIMED_STEPS = 5
"""After so many steps a training says how long it takes."""


def run(
    module: nn.Module,
    batches: Dataset[Any],
    *,
    prompt: SharedPrompt,
    aligners: Mapping[str, Any],
    training: TrainingRecipe,
    device: str,
    monitor: Monitor | None,
) -> None:
    """Train `module`, which gives loss and embeddings of a batch, in place; one batch a step.

    Says first how many steps there are and how long they will take.

    `prompt` and `aligners` are those in `module`. Raises `ConfigError` where numbers are no longer
    finite: training stops at that step, and its batch is kept in the monitor's folder.
    """
    with tempfile.TemporaryDirectory() as folder, _watched(monitor) as callbacks:
        trainer = _AlignmentTrainer(
            model=module,
            args=_arguments(folder, training, device=device, monitor=monitor),
            train_dataset=batches,
            eval_dataset=monitor.validation if monitor else None,
            data_collator=_first,
            callbacks=[_Outlook(), *callbacks],
            prompt=prompt,
            aligners=aligners,
            training=training,
            folder=monitor.folder if monitor else None,
        )
        _keep_quiet(trainer)
        module.train()
        with one_thread(), spent("step"):
            trainer.train()
        trainer.check_weights()
    module.eval().cpu()


@contextmanager
def _watched(monitor: Monitor | None) -> Iterator[list[TrainerCallback]]:
    if monitor is None:
        yield []
        return
    patience = monitor.recipe.early_stopping_patience
    with leaving_traces(monitor) as callbacks:
        yield [*callbacks, _BestState(patience)] if patience is not None else callbacks


class _Outlook(TrainerCallback):
    """A line that says how many steps there are and about how long they take, from the first."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Look at the clock; what only the first step does, such as loading code, is over then."""
        if state.global_step <= 1:
            self.start = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Say the line, once a few steps were timed."""
        timed = min(TIMED_STEPS, state.max_steps)
        if state.global_step == timed:
            step_s = (time.perf_counter() - self.start) / max(timed - 1, 1)
            say(f"{state.max_steps:,} steps, {describe_seconds(step_s * state.max_steps)}")


class _BestState(TrainerCallback):
    """Stops after `patience` measurements in a row without a higher mAP; the best state stays.

    What `transformers.EarlyStoppingCallback` does, with the state in memory instead of in
    checkpoints on a disk.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.waited, self.step, self.best = 0, 0, float("-inf")
        self.weights: dict[str, Tensor] = {}

    def on_evaluate(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Look whether a measurement is the best one so far."""
        measured = given["metrics"][PREFIX + METRIC]
        if measured > self.best:
            self.waited, self.step, self.best = 0, state.global_step, measured
            self.weights = {n: tensor.clone() for n, tensor in given["model"].state_dict().items()}
            return
        self.waited += 1
        if self.waited >= self.patience:
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Go back to the best state."""
        given["model"].load_state_dict(self.weights)
        say(f"best {METRIC} {self.best:.3f} at step {self.step}: that state is kept")


def _arguments(
    folder: str, training: TrainingRecipe, *, device: str, monitor: Monitor | None
) -> TrainingArguments:
    settings = {k: v for k, v in vars(training).items() if k not in OWN_SETTINGS}
    if monitor is not None and monitor.validation is not None:
        settings |= {"eval_strategy": "steps", "eval_steps": monitor.recipe.eval_steps}
    return TrainingArguments(
        **{
            "output_dir": folder,
            "per_device_train_batch_size": 1,  # one item is one batch
            "train_sampling_strategy": "sequential",
            "lr_scheduler_type": "cosine",
            "max_grad_norm": 0.0,
            "save_strategy": "no",
            "logging_strategy": "no",
            "logging_nan_inf_filter": False,  # such a loss stops the training
            "report_to": "none",
            "remove_unused_columns": False,
            "dataloader_pin_memory": False,
            "disable_tqdm": not shows_progress(),
            "use_cpu": device == "cpu",
            **settings,
            "max_steps": training.steps,
        }
    )


class _AlignmentTrainer(Trainer):
    """Trainer that decays matrices only, measures validation rows, and stops when it diverges."""

    def __init__(
        self,
        *,
        prompt: SharedPrompt,
        aligners: Mapping[str, Any],
        training: TrainingRecipe,
        folder: Path | None,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.prompt, self.aligners = prompt, aligners
        self.training, self.folder = training, folder

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        return [name for name, parameter in model.named_parameters() if parameter.ndim >= 2]

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the loss of one batch; stop the training where it is not finite."""
        self.batch = inputs["batch"]
        loss, given = super().compute_loss(model, inputs, True, num_items_in_batch)
        if not torch.isfinite(loss).all():
            found = loss_found(loss, given["embeddings"])
            raise self._diverged(found, step=self.state.global_step + 1)
        return (loss, given) if return_outputs else loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Measure the validation rows, as `Trainer` asks for it every `eval_steps` steps."""
        validation: Any = self.eval_dataset
        embedded = validation.embed(self.aligners, self.prompt)
        if names := not_finite({name: part.embeddings for name, part in embedded.items()}):
            raise self._diverged(f"embeddings of {names} are not finite on validation rows")
        figures = validation.figures(embedded)
        metrics = {PREFIX + name: value for name, value in figures.items() if value is not None}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def check_weights(self) -> None:
        """Look at what the last step has made: no loss was computed with it."""
        if names := broken_weights({**self.aligners, "prompt": self.prompt}):
            raise self._diverged(f"weights of {names} are not finite")

    def _diverged(self, found: str, *, step: int | None = None) -> ConfigError:
        return diverged(
            found,
            step=self.state.global_step if step is None else step,
            batch=self.batch,
            training=self.training,
            folder=self.folder,
        )


class _Progress(ProgressCallback):
    """A bar without the Trainer's closing figures, which go to standard output."""

    def on_log(self, *_: Any, **__: Any) -> None:
        """Write nothing."""


def _keep_quiet(trainer: Trainer) -> None:
    trainer.remove_callback(PrinterCallback)
    if trainer.pop_callback(ProgressCallback) is not None:
        trainer.add_callback(_Progress)


def _first(batches: list[Any]) -> dict[str, Any]:
    return {"batch": batches[0]}  # one item of the data set is one whole batch
