"""Why classifiers are level with SPANER on kinds, and what they say of things.

    .venv/bin/python benchmarks/classifiers.py --seeds 10 --emoji emoji   # the project's folder
    .venv/bin/python benchmarks/classifiers.py --quick                    # to see that it runs

Logistic regression and class means, each fitted to one modality alone, read the vectors that
SPANER's aligners read, the same labels and the concepts' names. Their common space is the posterior
over the concepts. "SPANER's weights" are its own posterior w, in place of its embeddings z.
Accuracy is the share of rows whose most probable concept is theirs, as a mean over modalities; the
product is that of the accuracies of both modalities, as a mean over ordered pairs. Each modality
asks equally often, so the mean of the query's accuracy over pairs is the column "accuracy".
Validation rows; a seed draws weights, which rows keep their label and, of the emoji, which items
validate. Intervals are 95% t-intervals over seeds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import permutations, product
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import torch
from ablation import read_data
from datasets import Dataset, Rows
from page import as_section
from remembered import remembered
from sklearn.linear_model import LogisticRegression
from spaner.result_tables import Table, interval_cell
from spaner_core.data.matches import NONE
from spaner_core.evaluation.intervals import intervals, paired_differences
from spaner_core.evaluation.retrieval import retrieval_by_item, retrieval_by_pair
from spaner_core.features.labelled import LabelledRows, join_labelled
from spaner_core.recipe import THING_STRENGTH, Recipe
from spaner_core.space.space import Space
from torch import Tensor
from torch.nn import functional
from trials import draw_support, draw_validation, embed, fit

OURS, WEIGHTS, LOGISTIC, MEANS = "SPANER", "SPANER's weights", "logistic regression", "class means"
INVERSE_PENALTY, SHARPNESS = 1000.0, 20.0
"""What `compare.py` chooses on the digits' validation split."""

COLUMNS = {
    "accuracy": "accuracy",
    "product": "product",
    "mean_recall@1": "kinds R@1",
    "mean_map": "kinds mAP",
    "mean_item_recall@1": "things R@1",
    "mean_item_mrr@10": "things MRR",
}

Figures = dict[str, float | None]
Embedded = Mapping[str, Tensor]


def trial(
    dataset: Dataset, shots: str, seed: int, *, steps: int | None = None
) -> dict[str, Figures]:
    """Train SPANER, fit the classifiers, and measure all of them, by method."""
    if _has_items(dataset.train):
        dataset = draw_validation(dataset, seed)
    rows = draw_support(dataset.train, None if shots == "all" else int(shots), seed)
    recipe = Recipe()
    recipe = replace(recipe, training=replace(recipe.training, max_steps=steps))
    space, shown = fit(dataset, seed=seed, recipe=recipe, rows=rows), dataset.held_out["validation"]
    posteriors = {WEIGHTS: _weights(space, shown), **_classify(dataset, space, rows, shown)}
    found = {
        OURS: _figures(
            embed(space, shown, None),
            embed(space, shown, THING_STRENGTH),
            posteriors[WEIGHTS],
            shown,
        )
    }
    return found | {name: _figures(own, own, own, shown) for name, own in posteriors.items()}


def _has_items(rows: Rows) -> bool:
    return any(bool((part.items > NONE).any()) for part in rows.values())


def _weights(space: Space, rows: Rows) -> Embedded:
    return {
        name: torch.cat([given.weights for given in space.align(name, part.features)])
        for name, part in rows.items()
    }


def _classify(
    dataset: Dataset, space: Space, rows: Rows, shown: Rows
) -> dict[str, dict[str, Tensor]]:
    """Return posteriors (n, C) of both classifiers, by method and modality."""
    found: dict[str, dict[str, Tensor]] = {LOGISTIC: {}, MEANS: {}}
    count, names = len(dataset.material.concepts), dataset.material.names
    for name, part in rows.items():
        own = join_labelled([part, names.rows]) if names and name == names.modality else part
        aligner: Any = space.aligner(name)
        known = own.take(torch.nonzero(own.concepts > NONE).flatten())
        points, asked = _read(aligner, known), _read(aligner, shown[name])
        model = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000)
        model.fit(points.double().numpy(), known.concepts.numpy())
        posterior = torch.zeros(len(asked), count, dtype=torch.float64)
        posterior[:, model.classes_] = torch.from_numpy(model.predict_proba(asked.double().numpy()))
        found[LOGISTIC][name] = posterior
        sums = points.new_zeros(count, points.shape[1]).index_add_(0, known.concepts, points)
        means = functional.normalize(sums, dim=-1)
        found[MEANS][name] = (SHARPNESS * asked @ means.T).softmax(dim=-1)
    return found


def _read(aligner: Any, rows: LabelledRows) -> Tensor:
    loaded = rows.features.load()
    with torch.no_grad():
        unit: Tensor = aligner.read_unit(loaded.values, loaded.mask)
    return unit


def _figures(kinds: Embedded, things: Embedded, posteriors: Embedded, rows: Rows) -> Figures:
    labels = {name: part.labels for name, part in rows.items()}
    alone = {n: replace(own, items=torch.full_like(own.items, NONE)) for n, own in labels.items()}
    right = {
        name: float((own.argmax(dim=-1) == rows[name].concepts).double().mean())
        for name, own in posteriors.items()
    }
    return {
        "accuracy": fmean(right.values()),
        "product": fmean(right[a] * right[b] for a, b in permutations(right, 2)),
        **{f"accuracy_{name}": value for name, value in right.items()},
        **retrieval_by_pair(kinds, alone),
        **retrieval_by_item(things, labels),
    }


Runs = Mapping[str, Mapping[int, Figures]]
"""Figures by method and seed."""


def figures_table(title: str, runs: Runs) -> Table:
    """Lay out the figures of each method."""
    found = {name: intervals(own) for name, own in runs.items()}
    heads = {n: t for n, t in COLUMNS.items() if any(n in own for own in found.values())}
    lines = [
        (name, *(interval_cell(own.get(column)) for column in heads)) for name, own in found.items()
    ]
    less = {name: paired_differences(runs[OURS], own) for name, own in runs.items() if name != OURS}
    lines += [
        (f"{OURS} - {name}", *(interval_cell(own.get(column), signed=True) for column in heads))
        for name, own in less.items()
    ]
    return Table(title, ("method", *heads.values()), lines)


def explained(runs: Mapping[str, Runs]) -> Table:
    """Say how far retrieval of kinds is from what accuracies alone say, over seeds and pairs."""
    lines = []
    for place, by_method in runs.items():
        for method, own in by_method.items():
            pairs = [pair for figures in own.values() for pair in _pairs(figures)]
            first = [abs(pair.recall - pair.asked) for pair in pairs]
            ranked = [abs(pair.precision - pair.asked * pair.shown) for pair in pairs]
            lines.append((place, method, f"{fmean(first):.3f}", f"{fmean(ranked):.3f}"))
    heads = ("data", "method", "R@1 from the query's accuracy", "mAP from the product")
    return Table("How far retrieval of kinds is from accuracies", heads, lines)


class _Pair(NamedTuple):
    """Accuracies of what asks and of what is shown, and what the pair of modalities reaches."""

    asked: float
    shown: float
    recall: float
    precision: float


def _pairs(figures: Figures) -> Iterator[_Pair]:
    accuracies = {
        key.removeprefix("accuracy_"): value
        for key, value in figures.items()
        if key.startswith("accuracy_")
    }
    for a, b in permutations(accuracies, 2):
        found = (figures[f"{a}_to_{b}_recall@1"], figures[f"{a}_to_{b}_map"])
        yield _Pair(*(float(value or 0) for value in (accuracies[a], accuracies[b], *found)))


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--data", default="digits,emoji", help="commas between")
    parser.add_argument("--shots", default="1,8,all", help="commas between")
    parser.add_argument("--emoji", type=Path, help="what scripts/make_emoji.py has written")
    parser.add_argument("--json", type=Path, help="keep each trial's figures in this file")
    parser.add_argument("--quick", action="store_true", help="2 seeds, 20 steps, a sample of emoji")
    given = parser.parse_args()
    seeds, shots = (2, ["all"]) if given.quick else (given.seeds, given.shots.split(","))
    runs: dict[str, dict[str, dict[int, Figures]]] = {}
    for data in given.data.split(","):
        folder = given.emoji if data == "emoji" else None
        dataset = read_data(data, quick=given.quick, folder=folder)
        for seed, count in product(range(seeds), shots):
            run = partial(trial, dataset, count, seed, steps=20 if given.quick else None)
            place = f"{data}, all labels" if count == "all" else f"{data}, {count} labelled"
            for method, figures in remembered(given.json, (data, count, seed), run).items():
                runs.setdefault(place, {}).setdefault(method, {})[seed] = figures
    tables = [*(figures_table(place, own) for place, own in runs.items()), explained(runs)]
    sys.stdout.write("\n".join(map(as_section, tables)) + "\n")


if __name__ == "__main__":
    main()
