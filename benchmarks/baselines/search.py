"""The same number of trials for every method, chosen on the validation split, then frozen."""

from __future__ import annotations

import itertools
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset
from page import progress
from spaner_core.evaluation.retrieval import retrieval_by_pair
from trials import kinds

from baselines.methods import Method
from baselines.task import Settings, Shots, draw_task

TUNING_SHOTS = 4
TUNING_SEEDS = (1000, 1001)
"""Seeds of tuning draw other support sets than the seeds 0, 1, ... of the final figures."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One fit and what it reached: figures as `retrieval_by_pair` names them."""

    method: str
    shots: Shots
    seed: int
    seconds: float
    parameters: int
    figures: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One choice of settings and the mean mAP on the validation split of each tuning seed."""

    settings: Settings
    scores: Sequence[float]

    @property
    def score(self) -> float:
        """The mean over seeds."""
        return statistics.fmean(self.scores) if self.scores else 0.0


def draw_trials(method: Method, count: int) -> list[dict[str, Any]]:
    """Return the usual settings, the first of each, and a random draw of others; no two alike."""
    names, choices = method.grid.keys(), itertools.product(*method.grid.values())
    every = [dict(zip(names, values, strict=True)) for values in choices]
    if method.closed_form and count > 1:
        return every
    count = max(count // 2, 1) if method.known else count
    others = random.Random(0).sample(every[1:], min(count, len(every)) - 1)
    return [every[0], *others]


def tune(name: str, method: Method, dataset: Dataset, *, trials: int) -> list[Trial]:
    """Measure trials on the validation split; a method that is run in part has its usual one."""
    settings = draw_trials(method, trials)
    if len(settings) == 1:  # nothing to choose from
        return [Trial(settings=settings[0], scores=())]
    tried = []
    for number, chosen in enumerate(settings, start=1):
        progress(f"{name}: trial {number} of {len(settings)}")
        runs = [
            measure(name, method, chosen, dataset, split="validation", shots=TUNING_SHOTS, seed=s)
            for s in TUNING_SEEDS
        ]
        scores = [float(run.figures["mean_map"] or 0) for run in runs]
        tried.append(Trial(settings=chosen, scores=scores))
    return tried


def measure(
    name: str,
    method: Method,
    settings: Settings,
    dataset: Dataset,
    *,
    split: str,
    shots: Shots,
    seed: int,
) -> Run:
    """Fit once and measure a split; the seconds are processor time of fitting and embedding."""
    task = draw_task(dataset, split, shots=shots, seed=seed)
    start = time.process_time()
    outcome = method.fit(task, settings)
    seconds = time.process_time() - start
    return Run(
        method=name,
        shots=shots,
        seed=seed,
        seconds=seconds,
        parameters=outcome.parameters,
        figures=retrieval_by_pair(outcome.embeddings, kinds(dataset.held_out[split])),
    )
