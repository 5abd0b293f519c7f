"""The very same thing: SPANER against ridge regression and regularised CCA on pairs.

    .venv/bin/python benchmarks/items.py --data words      # digits whose rows are paired at random
    .venv/bin/python benchmarks/items.py --data emoji      # or spoken, factory, pairs
    .venv/bin/python benchmarks/items.py --data factory --folder factory --split validation
    .venv/bin/python benchmarks/items.py --quick           # to see that it runs

Retrieval by item: which row of another modality shows the very same thing as the query. In `words`
training sees pairs of rows of a digit, drawn anew by each seed, and no concepts; a held-out row
counts as the same thing where it is the same digit. `pairs` are synthetic texts and series. In the
other data sets each seed draws the share `--share` of the training items. Each seed draws SPANER's
weights, too.

All methods get the same vectors, those that SPANER's aligners read, and the same training rows.
SPANER is trained as `spaner train` trains, on concepts too where there are some, and searched as
`spaner search --same thing` searches. The closed forms are fitted to every pair of modalities by
itself, and their regularisation is chosen for each direction by MRR on validation rows; SPANER
keeps one space for all pairs, and its default settings. In the second line it has one choice, too:
`item_gain`, which no training depends on, is chosen for the whole space in the same way. With
`--split validation` the test rows stay unseen: each seed draws the quarter of the other items that
is measured, and what is chosen is chosen on the very rows that measure it, which flatters it.
Intervals are 95% t-intervals over seeds, differences are paired by seed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from baselines.paired import CLOSED_FORMS, Tried, paired_rows
from baselines.reading import unit_vectors
from datasets import Dataset, Rows, load_dataset
from page import as_section, progress
from pairs import make_pairs, read_case
from spaner.result_tables import Table, interval_cell
from spaner_core.data.matches import NONE
from spaner_core.devices import one_thread
from spaner_core.evaluation.intervals import intervals, paired_differences
from spaner_core.evaluation.retrieval import retrieval_by_item
from spaner_core.features.labelled import LabelledBatches
from spaner_core.space.space import Space
from standing import against_best
from torch import Tensor
from trials import draw_validation, fit, measure, pair_at_random

OURS, TUNED = "SPANER", "SPANER, item_gain chosen"
GAINS = (0.0, 0.5, 1.0, 2.0, 4.0)
MEANS = {"item_recall@1": "R@1", "item_recall@5": "R@5", "item_mrr@10": "MRR"}
WINS = {"mean_item_recall@1": "R@1", "mean_item_mrr@10": "MRR"}
DATA = ("words", "emoji", "spoken", "factory", "pairs")

Figures = dict[str, float | None]
Vectors = Mapping[str, Tensor]
"""What aligners read of each modality's rows, (n, P) of unit length."""


def read_data(name: str, *, quick: bool, folder: Path | None) -> Dataset:
    """Read a data set by its name."""
    if name != "pairs":
        return load_dataset(name, quick=quick, folder=folder)
    made = make_pairs(100 if quick else 1000, np.random.default_rng(0), kinds=False)
    return read_case(made, name)


def draw(dataset: Dataset, seed: int, *, split: str, share: float) -> Dataset:
    """Draw what a seed trains on, and what it is measured on where that is validation rows."""
    if dataset.name == "words":
        return pair_at_random(dataset, seed)
    if split == "validation" and dataset.name != "pairs":
        return draw_validation(dataset, seed)
    return dataset.with_train(draw_items(dataset.train, share, seed=seed))


def draw_items(rows: Rows, share: float, *, seed: int) -> Rows:
    """Keep the rows of a drawn share of the items, and those without an item."""
    items = torch.unique(torch.cat([part.items[part.items > NONE] for part in rows.values()]))
    order = torch.randperm(len(items), generator=torch.Generator().manual_seed(seed))
    kept = torch.cat([items[order[: round(share * len(items))]], torch.tensor([NONE])])
    return {
        name: part.take(torch.isin(part.items, kept).nonzero().flatten())
        for name, part in rows.items()
    }


def train(dataset: Dataset, *, seed: int, split: str) -> dict[str, Figures]:
    """Train SPANER; measure it on `split` as it is, and with the gain that validation chooses."""
    space, held_out = fit(dataset, seed=seed), dataset.held_out
    found = {OURS: measure(space, held_out[split])}
    ranked: dict[float, float] = {}
    for gain in GAINS:
        set_gain(space, gain)
        ranked[gain] = measure(space, held_out["validation"])["mean_item_mrr@10"] or 0
    set_gain(space, max(GAINS, key=ranked.__getitem__))
    return {**found, TUNED: measure(space, held_out[split])}


def set_gain(space: Space, gain: float) -> None:
    """Let the map of items count so much in every modality."""
    for name in space.modalities:
        aligner: Any = space.aligner(name)
        aligner.item_gain = gain


def closed_form(
    name: str, dataset: Dataset, vectors: Mapping[str, Vectors], *, split: str
) -> dict[str, Figures]:
    """Fit every pair of modalities, choose on validation and measure on `split`, each way."""
    train = dataset.train
    figures: Figures = {}
    for first, second in combinations(train, 2):
        mine, theirs = paired_rows(train[first].items, train[second].items)
        if len(mine):
            read = vectors["train"]
            ways = CLOSED_FORMS[name](read[first][mine], read[second][theirs])
            for pair, tried in zip(((first, second), (second, first)), ways, strict=True):
                figures |= _best(tried, dataset, vectors, pair=pair, split=split)
    for key in MEANS:
        known = [v for k, v in figures.items() if k.endswith(f"_{key}") and v is not None]
        figures[f"mean_{key}"] = float(np.mean(known)) if known else None
    return {name: figures}


def _best(
    tried: Tried,
    dataset: Dataset,
    vectors: Mapping[str, Vectors],
    *,
    pair: tuple[str, str],
    split: str,
) -> Figures:
    """Measure the maps that find most of validation's `pair[1]` by `pair[0]`."""
    source, target = pair
    prefix = f"{source}_to_{target}"

    def found(number: int, split: str) -> Figures:
        maps, read, rows = tried[number], vectors[split], dataset.held_out[split]
        embedded = {source: maps.queries(read[source]), target: maps.gallery(read[target])}
        every = retrieval_by_item(embedded, {name: rows[name].labels for name in pair})
        return {key: value for key, value in every.items() if key.startswith(prefix)}

    chosen = max(
        range(len(tried)), key=lambda one: found(one, "validation")[f"{prefix}_item_mrr@10"] or 0
    )
    return found(chosen, split)


def read_vectors(dataset: Dataset) -> dict[str, dict[str, Tensor]]:
    """Return the vectors that aligners read, by split and modality, centred by training rows."""
    aligners = {name: part.build() for name, part in dataset.material.modalities.items()}
    for name, aligner in aligners.items():
        batches = LabelledBatches(dataset.train[name])
        aligner.fit_statistics(batches, concept_count=len(dataset.material.concepts))
    return {
        split: {name: unit_vectors(aligners[name], part) for name, part in rows.items()}
        for split, rows in {"train": dataset.train, **dataset.held_out}.items()
    }


def compare(dataset: Dataset, *, seeds: int, split: str, share: float) -> list[Table]:
    """Run all methods on all seeds; return the means, and R@1 of every ordered pair."""
    runs: dict[str, dict[int, Figures]] = {name: {} for name in (OURS, TUNED, *CLOSED_FORMS)}
    seconds = dict.fromkeys(runs, 0.0)
    for seed in range(seeds):
        progress(f"{dataset.name}, seed {seed}")
        drawn = draw(dataset, seed, split=split, share=share)
        vectors = read_vectors(drawn)
        ways = [partial(train, drawn, seed=seed, split=split)]
        ways += [partial(closed_form, n, drawn, vectors, split=split) for n in CLOSED_FORMS]
        for way in ways:
            start = time.process_time()
            found = way()
            for line, figures in found.items():
                runs[line][seed] = figures
                seconds[line] += time.process_time() - start
    title = f"{dataset.name}, {split} rows, {seeds} seeds"
    tables = [_means(runs, seconds, seeds=seeds, title=title), _pairs(runs)]
    if seeds > 1:
        others = {name: own for name, own in runs.items() if name != TUNED}
        tables.append(against_best({f"things, {dataset.name}": others}, OURS, WINS))
    return tables


def _means(
    runs: Mapping[str, Mapping[int, Figures]],
    seconds: Mapping[str, float],
    *,
    seeds: int,
    title: str,
) -> Table:
    lines = []
    for name, own in runs.items():
        mean, less = intervals(own), paired_differences(runs[OURS], own)
        lines.append(
            (
                name,
                *(interval_cell(mean[f"mean_{key}"]) for key in MEANS),
                *(
                    "-" if name == OURS else interval_cell(less[f"mean_{key}"], signed=True)
                    for key in MEANS
                ),
                f"{seconds[name] / seeds:.1f}",
            )
        )
    heads = (*MEANS.values(), *(f"{OURS} - it: {title}" for title in MEANS.values()))
    return Table(f"Means over ordered pairs: {title}", ("method", *heads, "CPU seconds"), lines)


def _pairs(runs: Mapping[str, Mapping[int, Figures]]) -> Table:
    ending = "_item_recall@1"
    pairs = [
        key.removesuffix(ending)
        for key in next(iter(runs[OURS].values()))
        if key.endswith(ending) and "_to_" in key
    ]
    found = {name: intervals(own) for name, own in runs.items()}
    return Table(
        "R@1 of every ordered pair",
        ("pair", *runs),
        [
            (pair.replace("_to_", " → "), *(interval_cell(found[n][pair + ending]) for n in runs))
            for pair in pairs
            if all(pair + ending in found[n] for n in runs)
        ],
    )


def main() -> None:
    """Compare the methods on a data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=DATA, default="pairs")
    parser.add_argument("--folder", type=Path, help="where the project of emoji or factory stands")
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--share", type=float, default=0.9, help="of the training items")
    parser.add_argument("--quick", action="store_true", help="1 seed, small data")
    given = parser.parse_args()
    with one_thread():
        dataset = read_data(given.data, quick=given.quick, folder=given.folder)
        seeds = 1 if given.quick else given.seeds
        tables = compare(dataset, seeds=seeds, split=given.split, share=given.share)
    sys.stdout.write("\n".join(map(as_section, tables)) + "\n")


if __name__ == "__main__":
    main()
