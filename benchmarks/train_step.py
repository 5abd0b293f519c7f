"""What the training loop costs: transformers.Trainer against a bare loop of the same maths.

    .venv/bin/python benchmarks/train_step.py --rounds 5

Both run the embedded digits' joint training (three modalities, 250 steps) in turn, on one thread,
from the same weights and the same batches; the ratio of the medians is printed.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Mapping

import torch
from datasets import load_dataset
from page import progress
from spaner_core import Aligner
from spaner_core.devices import one_thread
from spaner_core.features.labelled import LabelledBatches, LabelledRows
from spaner_core.method.losses import AlignmentLoss
from spaner_core.method.prompt import SharedPrompt, random_anchors
from spaner_core.recipe import LossRecipe, TrainingRecipe
from spaner_core.training.batches import StepBatches
from spaner_core.training.trainer import JointTraining, train_jointly

Parts = tuple[SharedPrompt, dict[str, Aligner]]


def bare_loop(parts: Parts, rows: Mapping[str, LabelledRows], training: TrainingRecipe) -> None:
    """Train as `train_jointly` does, with nothing around the steps."""
    prompt, aligners = parts
    module = JointTraining(prompt, aligners, AlignmentLoss(**vars(LossRecipe())))
    named = [p for p in module.parameters() if p.requires_grad]
    matrices = [p for p in named if p.ndim >= 2]
    others = [p for p in named if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": training.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=training.learning_rate,
        betas=(0.9, training.adam_beta2),
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _pace(step, training))
    batches = StepBatches(rows, {}, training)
    module.train()
    for step in range(training.steps):
        loss = module(batches[step])["loss"]
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    module.eval()


def _pace(step: int, training: TrainingRecipe) -> float:
    if step < training.warmup_steps:
        return step / training.warmup_steps
    done = (step - training.warmup_steps) / (training.steps - training.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * done))


def main() -> None:
    """Time both loops in turn and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    digits = load_dataset("digits")
    training = TrainingRecipe()
    times: dict[str, list[float]] = {"trainer": [], "bare": []}
    for number in range(rounds):
        progress(f"round {number}")
        for loop in ("trainer", "bare"):
            torch.manual_seed(0)
            anchors = random_anchors(10, dim=128, generator=torch.Generator().manual_seed(0))
            aligners = {n: part.build() for n, part in digits.material.modalities.items()}
            for name, aligner in aligners.items():
                aligner.fit_statistics(LabelledBatches(digits.train[name]), concept_count=10)
            parts = (SharedPrompt(anchors), aligners)
            torch.manual_seed(training.seed)
            start = time.perf_counter()
            with one_thread():
                if loop == "bare":
                    bare_loop(parts, digits.train, training)
                else:
                    train_jointly(
                        *parts, digits.train, names={}, loss=LossRecipe(), training=training
                    )
            times[loop].append(time.perf_counter() - start)
    medians = {loop: statistics.median(values) for loop, values in times.items()}
    sys.stdout.write(
        f"trainer {medians['trainer']:.2f} s, bare loop {medians['bare']:.2f} s for "
        f"{training.steps} steps (medians of {rounds}): ratio "
        f"{medians['trainer'] / medians['bare']:.2f}\n"
    )


if __name__ == "__main__":
    main()
