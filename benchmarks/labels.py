"""Wrong labels and unlabelled rows: what weighing labels and the pool gain and cost.

    .venv/bin/python benchmarks/labels.py wrong        # planted wrong labels, 8 a concept and all
    .venv/bin/python benchmarks/labels.py unlabelled   # 1, 2 and 4 labelled rows a concept
    .venv/bin/python benchmarks/labels.py listed       # what `spaner check --labels` finds

Digits: images, texts in five languages and synthetic speech. The wrong labels are planted: a fifth
of each modality's labelled rows get another concept. Each seed draws them anew, and support sets
and weights. Retrieval is the mean over the six ordered pairs of the test split; differences are
paired by seed; 95% t-intervals.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from digits import Digits, draw_support, fit, interval, load_digits, measure, progress
from spaner.experiments.robustness.damage import with_wrong_labels
from spaner.labelling.doubts import DOUBTED
from spaner_core.features.labelled import LabelledRows
from spaner_core.recipe import Recipe, TrainingRecipe
from spaner_core.training.fit_statistics import doubt_labels, fit_statistics

SHARE = 0.2
FIGURES = {"recall@1": "R@1", "map": "mAP"}


def rows_of(
    digits: Digits, shots: int | None, seed: int, *, share: float
) -> dict[str, LabelledRows]:
    """Draw a support set, and plant wrong labels in a share of it."""
    support = draw_support(digits, shots, seed)
    return dict(with_wrong_labels(support, share, seed=seed).rows) if share else support


def compare(
    digits: Digits, key: str, shots: int | None, seeds: int, *, share: float = 0.0
) -> Iterator[str]:
    """Train without and with `key`; give a row of the table for each figure."""
    runs: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    for seed in range(seeds):
        progress(f"{key}, {shots or 'all'} labels, {share:.0%} wrong, seed {seed}")
        given = replace(digits, train=rows_of(digits, shots, seed, share=share))
        for chosen, figures in runs.items():
            recipe = Recipe(training=TrainingRecipe(**{key: chosen}))
            figures.append(measure(digits, fit(given, None, seed, recipe)))
    for name, shown in FIGURES.items():
        without, having = ([run[name] for run in runs[chosen]] for chosen in (False, True))
        gains = [b - a for a, b in zip(without, having, strict=True)]
        yield (
            f"| {shots or 'all'} | {share:.0%} | {shown} | {interval(without)} | "
            f"{interval(having)} | {interval(gains)} |"
        )


def listed(digits: Digits, shots: int | None, seeds: int) -> Iterator[str]:
    """Give for each modality how many labels are listed, and which of these were planted."""
    for name in digits.train:
        counts, precision, recall = [], [], []
        for seed in range(seeds):
            rows = rows_of(digits, shots, seed, share=SHARE)[name]
            names = digits.labels.rows if name == digits.labels.modality else None
            aligner: Any = digits.builders[name]()
            count = 1 + int(digits.train[name].concepts.max())
            fit_statistics(aligner, rows, names=names, count=count, training=TrainingRecipe())
            weights = doubt_labels(aligner, rows, names=names, count=count).weights[: len(rows)]
            planted = (rows.concepts >= 0) & (rows.concepts != digits.train[name].concepts)
            doubted = (rows.concepts >= 0) & (weights < DOUBTED)
            found = int((planted & doubted).sum())
            counts.append(float(doubted.sum()))
            precision.append(found / max(int(doubted.sum()), 1))
            recall.append(found / int(planted.sum()))
        yield (
            f"| {shots or 'all'} | {name} | {int(planted.sum())} | {interval(counts)} | "
            f"{interval(precision)} | {interval(recall)} |"
        )


def main() -> None:
    """Run a part and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("wrong", "unlabelled", "listed"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shots", type=int, nargs="*", help="0 for all labels")
    chosen = parser.parse_args()
    digits = load_digits()
    usual = (1, 2, 4) if chosen.part == "unlabelled" else (8, 0)
    shots = [count or None for count in chosen.shots or usual]
    columns = ("labels", "wrong", "figure", "without", "with", "difference")
    if chosen.part == "listed":
        columns = ("labels", "modality", "planted", "listed", "precision", "recall")
    sys.stdout.write(f"| {' | '.join(columns)} |\n" + "|---" * len(columns) + "|\n")
    for count in shots:
        if chosen.part == "listed":
            lines = [*listed(digits, count, chosen.seeds)]
        elif chosen.part == "unlabelled":
            lines = [*compare(digits, "use_unlabelled", count, chosen.seeds)]
        else:
            lines = [
                line
                for share in (SHARE, 0.0)
                for line in compare(digits, "check_labels", count, chosen.seeds, share=share)
            ]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
