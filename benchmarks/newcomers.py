"""Each modality as the newcomer: attached by labels, by pairs or by both, against joint training.

    .venv/bin/python benchmarks/newcomers.py --data demo,factory,spoken --seeds 10
    .venv/bin/python benchmarks/newcomers.py --quick                # to see that it runs

All modalities are trained together, or all but one are and the last is attached to their space. The
embedded data have labels alone: 4 rows a concept, or all. The synthetic factory and the emoji with
spoken names have items too, and each seed draws which of these train. The first training of the
newcomer's space is not counted in its seconds. Where texts are the newcomer, no modality reads the
concepts' names at first, so that the anchors are random. Means over the ordered pairs with the
newcomer: kinds at the space's strength, things at 0. Beside each figure stands its share of joint
training's, paired by seed; intervals are 95% t-intervals over seeds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from datasets import Dataset, load_dataset
from page import as_section
from remembered import remembered
from spaner.result_tables import Table, interval_cell
from spaner.training.plan import count_parameters
from spaner_core.data.matches import NONE
from spaner_core.evaluation.intervals import t_interval
from trials import attach, draw_support, draw_validation, fit, measure

JOINT = "together"
WAYS = {"labels": ("labels",), "pairs": ("pairs",), "both": ("labels", "pairs")}
FIGURES = {"map": "mAP", "item_recall@1": "item R@1", "item_mrr@10": "item MRR"}
COSTS = ("CPU seconds", "parameters")

Figures = Mapping[str, float | None]
Run = Mapping[tuple[str, str], Mapping[str, float]]
"""Figures and costs of one seed, by newcomer and way."""


def has_items(dataset: Dataset) -> bool:
    """Say whether training rows show items."""
    return any(bool((rows.items > NONE).any()) for rows in dataset.train.values())


def draw(dataset: Dataset, shots: int | None, seed: int) -> Dataset:
    """Draw what a seed trains on: items where there are any, and labelled rows."""
    drawn = draw_validation(dataset, seed) if has_items(dataset) else dataset
    return drawn.with_train(draw_support(drawn.train, shots, seed))


def run_seed(
    dataset: Dataset,
    newcomers: Sequence[str],
    *,
    shots: int | None,
    seed: int,
    split: str,
    keep: Path | None,
) -> Run:
    """Train together, and without each newcomer, which is attached every way that there is."""
    drawn = draw(dataset, shots, seed)
    key = (dataset.name, shots or "all", split, seed)
    together = remembered(keep, (*key, JOINT), partial(train_together, drawn, seed, split))
    run = {}
    for name in newcomers:
        ways = remembered(keep, (*key, name), partial(attach_last, drawn, name, seed, split))
        for way, figures in {JOINT: together, **ways}.items():
            run[name, way] = _of_newcomer(figures, drawn, name)
    return run


def train_together(dataset: Dataset, seed: int, split: str) -> Figures:
    """Train all modalities at once and measure them."""
    start = time.process_time()
    space = fit(dataset, seed=seed)
    seconds = time.process_time() - start
    count = sum(count_parameters(space.aligner(name)) for name in space.modalities)
    return {**measure(space, dataset.held_out[split]), **_costs(seconds, count)}


def attach_last(dataset: Dataset, name: str, seed: int, split: str) -> dict[str, Figures]:
    """Train the other modalities, attach `name` every way, and measure each."""
    rest = {other: rows for other, rows in dataset.train.items() if other != name}
    space = fit(dataset.with_train(rest), seed=seed)
    found: dict[str, Figures] = {}
    for way in WAYS if has_items(dataset) else ("labels",):
        start = time.process_time()
        grown = attach(dataset, space, name, by=WAYS[way], seed=seed)
        costs = _costs(time.process_time() - start, count_parameters(grown.aligner(name)))
        found[way] = {**measure(grown, dataset.held_out[split]), **costs}
    return found


def _of_newcomer(found: Figures, dataset: Dataset, name: str) -> dict[str, float]:
    """Average each figure over the ordered pairs with the newcomer, and keep the costs."""
    others = [other for other in dataset.train if other != name]
    pairs = [pair for o in others for pair in (f"{o}_to_{name}", f"{name}_to_{o}")]
    means = {cost: float(found[cost] or 0) for cost in COSTS}
    for figure in FIGURES:
        values = [value for pair in pairs if (value := found.get(f"{pair}_{figure}")) is not None]
        if values:
            means[figure] = float(np.mean(values))
    return means


def _costs(seconds: float, parameters: int) -> dict[str, float]:
    return dict(zip(COSTS, (seconds, parameters), strict=True))


def as_table(title: str, runs: Sequence[Run]) -> Table:
    """Show means of each newcomer and way, and their share of joint training's."""
    figures = {key: title for key, title in FIGURES.items() if key in next(iter(runs[0].values()))}
    rows = []
    for name, way in runs[0]:
        cells = []
        for figure in figures:
            own = [run[name, way][figure] for run in runs]
            joint = [run[name, JOINT][figure] for run in runs]
            share = t_interval([a / b for a, b in zip(own, joint, strict=True)])
            cells += [interval_cell(t_interval(own)), "-" if way == JOINT else interval_cell(share)]
        seconds, parameters = ([run[name, way][cost] for run in runs] for cost in COSTS)
        rows.append((name, way, *cells, f"{np.mean(seconds):.1f}", f"{parameters[0]:,.0f}"))
    heads = [head for title in figures.values() for head in (title, "of joint")]
    return Table(title, ("newcomer", "by", *heads, *COSTS), rows)


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="demo,factory,spoken")
    parser.add_argument("--newcomers", default="text,vision,audio,sensor")
    parser.add_argument("--shots", default="4,all", help="labels a concept of data without items")
    parser.add_argument("--split", default="test")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="of the one data set, where it is written")
    parser.add_argument("--keep", type=Path, help="JSON Lines of the trials, to go on from")
    parser.add_argument("--quick", action="store_true", help="1 seed of 4 labels, speech")
    given = parser.parse_args()
    if given.quick:
        given.data, given.newcomers, given.shots, given.seeds = "demo", "audio", "4", 1
    for data in given.data.split(","):
        dataset = load_dataset(data, quick=given.quick, folder=given.folder)
        newcomers = [name for name in given.newcomers.split(",") if name in dataset.train]
        for shown in ["all"] if has_items(dataset) else given.shots.split(","):
            shots = None if shown == "all" else int(shown)
            runs = [
                run_seed(
                    dataset,
                    newcomers,
                    shots=shots,
                    seed=seed,
                    split=given.split,
                    keep=given.keep,
                )
                for seed in range(given.seeds)
            ]
            title = f"{data}, {shown} labels" + ("" if shots is None else " a concept")
            sys.stdout.write(as_section(as_table(title, runs)) + "\n")


if __name__ == "__main__":
    main()
