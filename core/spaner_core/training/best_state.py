"""Early stopping: training ends when it gains nothing any more, and goes back to its best state."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import TrainerCallback

from spaner_core.training.monitoring import PREFIX, say

METRIC = "mean_map"


class BestState(TrainerCallback):
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
