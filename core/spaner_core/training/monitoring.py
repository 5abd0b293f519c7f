"""Shows a training as it goes: lines, a table, TensorBoard."""

from __future__ import annotations

import csv
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback
from transformers.integrations.integration_utils import TensorBoardCallback

from spaner_core.files.atomic import naming
from spaner_core.files.locks import locked
from spaner_core.files.replacing import writing_alone
from spaner_core.recipe import MonitoringRecipe
from spaner_core.training.divergence import FAILED_BATCH
from spaner_core.training.validation import Validation

LOG = "log.csv"
TRACES = (LOG, FAILED_BATCH, "events.out.tfevents.*")
ATTACHED = "attach-"
"""How folders begin that keep the traces of modalities attached to the same space."""

UNFINISHED = "unfinished-"
"""How folders begin, before a process number, that a running or failed training writes to."""

PREFIX = "eval_"
"""What `transformers` puts before the names of figures of validation rows."""


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """The folder in which a training leaves its traces, and what is measured as it goes.

    Without `validation` nothing is measured; the folder then only takes a batch that failed.
    """

    folder: Path
    recipe: MonitoringRecipe
    validation: Validation | None

    def at(self, strength: float) -> Monitor:
        """Measure at a pull strength."""
        if self.validation is None:
            return self
        return replace(self, validation=replace(self.validation, strength=strength))


@contextmanager
def replacing_traces(monitor: Monitor) -> Iterator[Monitor]:
    """Give a monitor whose traces stand aside until the block has saved what was trained.

    They then take the place of those of the training before, so that a log is always that of the
    space beside it. Where the block fails, those stay, and what the failed training has left stays
    aside until a later one is saved. A training that measures holds the lock on its own folder, so
    that nobody takes it for failed.
    """
    folder = monitor.folder
    with _place_aside(folder, is_made=monitor.validation is not None) as aside:
        yield replace(monitor, folder=aside)
        if folder.is_dir():
            with writing_alone(folder):
                _clear_all(folder)
                if aside.is_dir():
                    for path in aside.iterdir():
                        path.replace(folder / path.name)


@contextmanager
def _place_aside(folder: Path, *, is_made: bool) -> Iterator[Path]:
    """Give a folder for the traces of this training, made or only named, that no other has."""
    first = f"{UNFINISHED}{os.getpid()}"
    for name in (first, f"{first}-{secrets.token_hex(4)}"):
        place = folder / name
        if is_made:
            place.mkdir(parents=True, exist_ok=True)
        with locked(place) as alone:
            if not alone and name == first and place.exists():
                continue  # that of another container, whose processes have the same numbers
            try:
                yield place
            finally:
                _remove_if_empty(place)
                _remove_if_empty(folder)
            return


def _clear_all(folder: Path) -> None:
    """Remove the traces of the training before, of what was attached, and of what failed."""
    for place in (*folder.glob(f"{ATTACHED}*"), folder):
        for left in place.glob(f"{UNFINISHED}*"):
            with locked(left) as is_left:
                if is_left:
                    clear_traces(left)
        clear_traces(place)


@contextmanager
def leaving_traces(monitor: Monitor) -> Iterator[list[TrainerCallback]]:
    """Clear the monitor's folder of older traces, and give the callbacks that leave new ones."""
    _remove_traces(monitor.folder)
    if monitor.validation is None:
        yield []
        return
    monitor.folder.mkdir(parents=True, exist_ok=True)
    callbacks = [_Losses(), _Table(monitor.folder / LOG, monitor.validation.names), _Lines()]
    if monitor.recipe.report_to == "none":
        yield callbacks
        return
    from torch.utils.tensorboard.writer import SummaryWriter

    with closing(SummaryWriter(log_dir=str(monitor.folder))) as writer:
        reporting: Any = TensorBoardCallback  # it ships no type hints
        yield [*callbacks, reporting(writer)]


def clear_traces(folder: Path) -> None:
    """Remove what a training has left in a folder; nothing else in it."""
    _remove_traces(folder)
    _remove_if_empty(folder)


def _remove_traces(folder: Path) -> None:
    for pattern in TRACES:
        for path in folder.glob(pattern):
            path.unlink()


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # not there, or not empty: what is left is not ours
        folder.rmdir()


def say(line: str) -> None:
    """Write a line to standard error, above the progress bar; nothing where bars are disabled."""
    if not os.environ.get("TQDM_DISABLE"):
        tqdm.write(line, file=sys.stderr)


class _Losses(TrainerCallback):
    """Has the loss since the last measurement told together with every measurement."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if control.should_evaluate:
            control.should_log = True


class _Table(TrainerCallback):
    """A CSV table, a row a measurement, each on the disk before training goes on."""

    def __init__(self, path: Path, figures: tuple[str, ...]) -> None:
        self.path, self.columns = path, ("step", "loss", "learning_rate", *figures)
        self._write(dict(zip(self.columns, self.columns, strict=True)), mode="w")

    def on_evaluate(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._write(_measured(state, given["metrics"]), mode="a")

    def _write(self, row: Mapping[str, object], *, mode: str) -> None:
        with naming(self.path), self.path.open(mode, encoding="utf-8", newline="") as file:
            csv.DictWriter(file, self.columns, restval="").writerow(row)


class _Lines(TrainerCallback):
    """A line a measurement on the terminal."""

    def on_evaluate(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        row = _measured(state, given["metrics"])
        row.pop("learning_rate")
        step = row.pop("step")
        figures = ", ".join(f"{name} {value:.3f}" for name, value in row.items())
        say(f"step {step} of {state.max_steps}: {figures}")


def _measured(state: Any, metrics: Mapping[str, float]) -> dict[str, float]:
    """Join the loss that was logged last with the figures of a measurement."""
    logged = next(entry for entry in reversed(state.log_history) if "loss" in entry)
    figures = {name.removeprefix(PREFIX): value for name, value in metrics.items()}
    return {
        "step": state.global_step,
        "loss": logged["loss"],
        "learning_rate": logged["learning_rate"],
        **figures,
    }
