"""The very same thing: SPANER against ridge regression and regularised CCA on pairs.

    .venv/bin/python benchmarks/items.py --pairs 1000                  # synthetic, made here
    .venv/bin/python benchmarks/items.py --config factory/plugins.yaml
    .venv/bin/python benchmarks/items.py --quick                       # to see that it runs

Retrieval by item: which row of another modality shows the very same thing as the query. All methods
get the same vectors, those that SPANER's aligners read, and the same training rows: each seed draws
the share `--share` of the training items, and SPANER's weights. SPANER is trained as `spaner train`
trains and searched as `spaner search --same thing` searches. The closed forms are fitted to each
ordered pair of modalities by itself, and their regularisation is chosen for each by MRR on the
validation split; SPANER keeps one space for all pairs, and its default settings. The test split is
measured once a seed. Intervals are 95% t-intervals over seeds, differences are paired by seed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from baselines.paired import CLOSED_FORMS, PairMaps, paired_rows
from baselines.reading import unit_vectors
from digits import progress
from page import as_section
from pairs import load, make_pairs, write_project
from spaner.project import Project
from spaner.result_tables import Table, interval_cell
from spaner_core.data.matches import NONE
from spaner_core.devices import one_thread
from spaner_core.evaluation.intervals import intervals, paired_differences
from spaner_core.evaluation.retrieval import retrieval_by_item
from spaner_core.features.labelled import LabelledBatches, LabelledRows
from spaner_core.training.joint import fit_space
from spaner_core.training.material import Material
from spaner_registry.config.settings import read_config
from torch import Tensor

OURS = "SPANER"
MEANS = {"item_recall@1": "R@1", "item_recall@5": "R@5", "item_mrr@10": "MRR"}

Rows = Mapping[str, LabelledRows]
Figures = dict[str, float | None]


def draw_items(rows: Rows, share: float, *, seed: int) -> dict[str, LabelledRows]:
    """Keep the rows of a drawn share of the items, and those without an item."""
    items = torch.unique(torch.cat([part.items[part.items > NONE] for part in rows.values()]))
    order = torch.randperm(len(items), generator=torch.Generator().manual_seed(seed))
    kept = torch.cat([items[order[: round(share * len(items))]], torch.tensor([NONE])])
    return {
        name: part.take(torch.isin(part.items, kept).nonzero().flatten())
        for name, part in rows.items()
    }


def ours(material: Material, rows: Rows, shown: Rows, project: Project, *, seed: int) -> Figures:
    """Train a space and measure `shown` at the strength of things."""
    recipe = project.config.recipe
    recipe = replace(recipe, training=replace(recipe.training, seed=seed))
    space = fit_space(material.with_rows(rows), recipe=recipe, device="cpu").space
    embeddings = {
        name: torch.from_numpy(space.embed(name, part.features, strength="thing"))
        for name, part in shown.items()
    }
    return _by_item(embeddings, shown)


def closed_form(name: str, vectors: Mapping[str, Mapping[str, Tensor]], splits: Mapping[str, Rows],
) -> Figures:  # fmt: skip
    """Fit, choose and measure every ordered pair; vectors and rows are by split and modality."""
    figures: Figures = {}
    train = splits["train"]
    for source, target in permutations(train, 2):
        mine, theirs = paired_rows(train[source].items, train[target].items)
        if not len(mine):
            continue

        def found(maps: PairMaps, split: str, pair: tuple[str, str] = (source, target)) -> Figures:
            a, b = (vectors[split][modality] for modality in pair)
            embedded = dict(zip(pair, (maps.queries(a), maps.gallery(b)), strict=True))
            every = _by_item(embedded, {modality: splits[split][modality] for modality in pair})
            return {key: v for key, v in every.items() if key.startswith(f"{pair[0]}_to_{pair[1]}")}

        tried = CLOSED_FORMS[name](vectors["train"][source][mine], vectors["train"][target][theirs])
        key = f"{source}_to_{target}_item_mrr@10"
        best = max(tried, key=lambda maps: found(maps, "validation")[key] or 0)
        progress(f"{name}, {source} to {target}: {best.settings}")
        figures |= found(best, "test")
    for key in MEANS:
        known = [v for k, v in figures.items() if k.endswith(f"_{key}") and v is not None]
        figures[f"mean_{key}"] = float(np.mean(known)) if known else None
    return figures


def _by_item(embeddings: Mapping[str, Tensor], rows: Rows) -> Figures:
    return retrieval_by_item(embeddings, {name: rows[name].labels for name in embeddings})


def read_vectors(material: Material, splits: Mapping[str, Rows]) -> dict[str, dict[str, Tensor]]:
    """Return the vectors that aligners read, by split and modality, centred by training rows."""
    aligners = {name: part.build() for name, part in material.modalities.items()}
    for name, aligner in aligners.items():
        batches = LabelledBatches(splits["train"][name])
        aligner.fit_statistics(batches, concept_count=len(material.concepts))
    return {
        split: {name: unit_vectors(aligners[name], part) for name, part in rows.items()}
        for split, rows in splits.items()
    }


def compare(project: Project, *, seeds: int, share: float) -> list[Table]:
    """Run all methods on all seeds; return the means, and R@1 of every ordered pair."""
    material, validation = load(project, "validation")
    _, test = load(project, "test")
    runs: dict[str, dict[int, Figures]] = {name: {} for name in (OURS, *CLOSED_FORMS)}
    seconds = dict.fromkeys(runs, 0.0)
    for seed in range(seeds):
        progress(f"seed {seed}")
        rows = draw_items(material.rows, share, seed=seed)
        splits = {"train": rows, "validation": validation, "test": test}
        vectors = read_vectors(material, splits)
        for name, own in runs.items():
            start = time.process_time()
            own[seed] = (
                ours(material, rows, test, project, seed=seed)
                if name == OURS
                else closed_form(name, vectors, splits)
            )
            seconds[name] += time.process_time() - start
    return [_means(runs, seconds, seeds=seeds), _pairs(runs)]


def _means(
    runs: Mapping[str, Mapping[int, Figures]], seconds: Mapping[str, float], *, seeds: int
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
    return Table("Means over ordered pairs", ("method", *heads, "CPU seconds"), lines)


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
    """Compare the methods on a project, or on synthetic pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, help="a project with items in three splits")
    parser.add_argument("--pairs", type=int, default=1000, help="of text and series, else")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--share", type=float, default=0.9, help="of the training items")
    parser.add_argument("--quick", action="store_true", help="1 seed, 100 pairs")
    given = parser.parse_args()
    seeds, count = (1, 100) if given.quick else (given.seeds, given.pairs)
    with tempfile.TemporaryDirectory() as name, one_thread():
        if given.config:
            project = Project(read_config(given.config), device="cpu")
        else:
            made = make_pairs(count, np.random.default_rng(0), kinds=False)
            project = write_project(Path(name), made)
        tables = compare(project, seeds=seeds, share=given.share)
    sys.stdout.write("\n".join(map(as_section, tables)) + "\n")


if __name__ == "__main__":
    main()
