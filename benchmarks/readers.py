"""Readers of a timm model's places, measured on emoji: the smallest that is level is the default.

    .venv/bin/python benchmarks/readers.py           # chooses, on validation items
    .venv/bin/python benchmarks/readers.py --test    # judges the choice, once

EfficientNet-lite0 gives 7x7 places of 1,280 numbers; texts are read by MiniLM, always the same way.
Every seed draws the weights, and the quarter of the items outside the test split that validates.
Concepts are measured at strength 0.5, items at strength 0, as means of both directions between
pictures and texts, with 95% t-intervals over seeds; differences to the means of the quarters are
paired by seed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from datasets import Dataset, load_dataset
from page import as_section
from spaner.result_tables import Table, interval_cell
from spaner.training.plan import count_parameters
from spaner_core import Aligner, FeatureSpec, MeanTokens, Reader, RowBatches
from spaner_core.evaluation.intervals import intervals, paired_differences
from spaner_core.features.rows import masked_mean
from spaner_core.method.aligner import build_aligner
from spaner_core.recipe import Recipe, TrainingRecipe
from spaner_vision.reader import ReadPages
from torch import Tensor, nn
from trials import draw_validation, fit, measure, read_once

PICTURES = "vision"
BASE = "quarters"
MEANS = {
    "mean_recall@1": "concept R@1",
    "mean_map": "concept mAP",
    "mean_item_recall@1": "item R@1",
    "mean_item_mrr@10": "item MRR",
}
QUICK_STEPS = 20

Figures = dict[str, float | None]


class _Reading(nn.Module):
    """A reader that is tried here alone: `parts` times as wide as a token."""

    name = "tried"
    options: Mapping[str, object] = {}
    parts = 1

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.width = self.parts * features.dim

    def fit(self, rows: RowBatches) -> None:
        """Need nothing of the training rows."""


class MeanAndQuarters(_Reading):
    """The mean of all places beside those of the quarters."""

    parts = 5

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__(features)
        self.quarters = ReadPages(features)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, 5·E)."""
        return torch.cat([masked_mean(features, mask), self.quarters(features, mask)], dim=1)


class MeanAndMaximum(_Reading):
    """The mean of all places beside the largest value of each feature."""

    parts = 2

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, 2·E)."""
        largest = features.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(dim=1)
        return torch.cat([masked_mean(features, mask), largest], dim=1)


class GeneralisedMean(_Reading):
    """The cube root of the mean cube of each feature: between mean and maximum."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, E)."""
        return masked_mean(features.clamp_min(1e-6).pow(3), mask).pow(1 / 3)


class LearnedAttention(_Reading):
    """Attention with one learned query, zero at first: then it is the mean of all places."""

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__(features)
        self.query = nn.Parameter(torch.zeros(features.dim))

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, E)."""
        directions = nn.functional.normalize(features, dim=-1)
        logits = (directions @ self.query).masked_fill(~mask, -torch.inf)
        return (logits.softmax(dim=-1).unsqueeze(1) @ features).squeeze(1)


READERS: Mapping[str, Callable[[FeatureSpec], Reader]] = {
    BASE: ReadPages,
    "mean": MeanTokens,
    "generalised mean": GeneralisedMean,
    "learned attention": LearnedAttention,
    "mean and maximum": MeanAndMaximum,
    "mean and quarters": MeanAndQuarters,
}


def read_by(dataset: Dataset, tried: str) -> Dataset:
    """Have the reader that is tried read pictures: once for all seeds, where it learns nothing."""
    features = dataset.features[PICTURES]
    reader = READERS[tried](features)
    if not isinstance(reader, LearnedAttention):
        return read_once(dataset, PICTURES, reader)

    def build(modality: str, options: Mapping[str, object]) -> Aligner:
        if modality != PICTURES:
            return dataset.build(modality, options)
        return build_aligner(
            features, Recipe().prompt.dim, options, own_reader=lambda *_: READERS[tried](features)
        )

    return replace(dataset, build=build).with_options()


def run(dataset: Dataset, seed: int, *, test: bool, steps: int | None) -> Figures:
    """Train and measure once; the seconds and parameters of it are among the figures."""
    drawn = draw_validation(dataset, seed)
    recipe = Recipe(training=TrainingRecipe(max_steps=steps))
    start = time.process_time()
    space = fit(drawn, seed=seed, recipe=recipe)
    seconds = time.process_time() - start
    found = measure(space, drawn.held_out["test" if test else "validation"])
    parameters = count_parameters(space.aligner(PICTURES))
    return {**found, "seconds": seconds, "parameters": float(parameters)}


def tables(runs: Mapping[str, Mapping[int, Figures]]) -> list[Table]:
    """Lay out the figures of each reader, and their differences to the base."""
    figures, differences = [], []
    for name, own in runs.items():
        mean, apart = intervals(own), paired_differences(own, runs[BASE])
        cost = [f"{mean['parameters'].mean:,.0f}", f"{mean['seconds'].mean:.1f}"]
        figures.append((name, *(interval_cell(mean[key]) for key in MEANS), *cost))
        if name != BASE:
            differences.append((name, *(interval_cell(apart[k], signed=True) for k in MEANS)))
    heads = ("reader", *MEANS.values())
    return [
        Table("Readers", (*heads, "parameters", "CPU seconds"), figures),
        Table(f"Readers minus {BASE}", heads, differences),
    ]


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--readers", default=",".join(READERS), help="readers, commas between")
    parser.add_argument("--folder", type=Path, help="what scripts/make_emoji.py has written")
    parser.add_argument("--test", action="store_true", help="measure the test split")
    parser.add_argument("--quick", action="store_true", help="a small sample, to see that it runs")
    given = parser.parse_args()
    seeds, steps = (1, QUICK_STEPS) if given.quick else (given.seeds, None)
    dataset = load_dataset("emoji", quick=given.quick, folder=given.folder)
    runs: dict[str, dict[int, Figures]] = {}
    for name in dict.fromkeys([BASE, *given.readers.split(",")]):
        sys.stderr.write(f"{name}\n")
        read = read_by(dataset, name)
        runs[name] = {s: run(read, s, test=given.test, steps=steps) for s in range(seeds)}
    sys.stdout.write("\n".join(map(as_section, tables(runs))))


if __name__ == "__main__":
    main()
