"""Pairs without labels: what they add to a few labelled rows.

    .venv/bin/python benchmarks/unlabelled_pairs.py --data emoji     # or factory
    .venv/bin/python benchmarks/unlabelled_pairs.py --data factory --folder factory --split test
    .venv/bin/python benchmarks/unlabelled_pairs.py --quick          # to see that it runs

Each seed draws `--shots` rows of each concept in every modality that keep their label. With pairs,
the other rows keep their item, which says what belongs together across modalities; without pairs,
no row has an item, and those without a label set only centre and scale. Concepts are measured at
several pull strengths, of one training each, items at strength 0. Each seed draws SPANER's weights,
and on validation rows the quarter of the items outside the test split that is measured. Means over
ordered pairs of modalities, 95% t-intervals over seeds; differences are paired by seed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from datasets import Dataset, Rows, load_dataset
from page import as_section, progress
from spaner.result_tables import Table, interval_cell
from spaner_core.data.matches import NONE
from spaner_core.devices import one_thread
from spaner_core.evaluation.intervals import intervals, paired_differences
from spaner_core.evaluation.retrieval import retrieval_by_item, retrieval_by_pair
from spaner_core.recipe import THING_STRENGTH
from spaner_core.space.space import Space
from trials import draw_support, draw_validation, embed, fit

STRENGTHS = (0.0, 0.25, 0.5)
WITH, WITHOUT = "with pairs", "without"
FIGURES = {
    **{f"mean_{key}@{at}": f"concept {title} at {at:g}" for at in STRENGTHS
       for key, title in {"recall@1": "R@1", "map": "mAP"}.items()},
    "mean_item_recall@1": "item R@1",
    "mean_item_mrr@10": "item MRR",
}  # fmt: skip

Runs = Mapping[str, Mapping[int, dict[str, float | None]]]


def without_items(rows: Rows) -> Rows:
    """Take away what says which rows show the same item."""
    return {n: replace(part, items=torch.full_like(part.items, NONE)) for n, part in rows.items()}


def figures(space: Space, rows: Rows) -> dict[str, float | None]:
    """Measure concepts at each strength, and items."""
    kinds = {name: part.labels for name, part in without_items(rows).items()}
    found: dict[str, float | None] = {}
    for at in STRENGTHS:
        by_pair = retrieval_by_pair(embed(space, rows, at), kinds)
        found |= {f"{key}@{at}": by_pair[key] for key in ("mean_recall@1", "mean_map")}
    things = {name: part.labels for name, part in rows.items()}
    return found | retrieval_by_item(embed(space, rows, THING_STRENGTH), things)


def compare(dataset: Dataset, *, shots: int, split: str, seeds: int) -> Table:
    """Train with and without pairs on all seeds."""
    runs: dict[str, dict[int, dict[str, float | None]]] = {WITH: {}, WITHOUT: {}}
    for seed in range(seeds):
        progress(f"{dataset.name}, {shots} labelled, seed {seed}")
        drawn = draw_validation(dataset, seed) if split == "validation" else dataset
        support = draw_support(drawn.train, shots, seed)
        for name, rows in {WITH: support, WITHOUT: without_items(support)}.items():
            runs[name][seed] = figures(fit(drawn, seed=seed, rows=rows), drawn.held_out[split])
    return table(runs, title=f"{dataset.name}, {shots} labelled a concept, {split} rows")


def table(runs: Runs, *, title: str) -> Table:
    """Tabulate means and the paired difference, a line a figure."""
    means = {name: intervals(own) for name, own in runs.items()}
    gained = paired_differences(runs[WITH], runs[WITHOUT])
    lines = [
        (
            heading,
            *(interval_cell(means[name][key]) for name in (WITHOUT, WITH)),
            interval_cell(gained[key], signed=True),
        )
        for key, heading in FIGURES.items()
    ]
    return Table(title, ("figure", WITHOUT, WITH, "gained"), lines)


def main() -> None:
    """Compare trainings with and without pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=("emoji", "factory"), default="emoji")
    parser.add_argument("--folder", type=Path, help="where the project stands")
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="1 seed, 1 label, small data")
    given = parser.parse_args()
    with one_thread():
        dataset = load_dataset(given.data, quick=given.quick, folder=given.folder)
        tables = [
            compare(
                dataset, shots=shots, split=given.split, seeds=1 if given.quick else given.seeds
            )
            for shots in ([1] if given.quick else given.shots)
        ]
    sys.stdout.write("\n".join(map(as_section, tables)) + "\n")


if __name__ == "__main__":
    main()
