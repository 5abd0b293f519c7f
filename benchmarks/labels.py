"""Few labels and wrong labels: what the pool of unlabelled rows and weighed labels gain and cost.

    .venv/bin/python benchmarks/labels.py wrong                     # 8 labels a concept, and all
    .venv/bin/python benchmarks/labels.py unlabelled --data emoji   # 1, 2, 4, 8 a concept
    .venv/bin/python benchmarks/labels.py strangers                 # rows of no known concept
    .venv/bin/python benchmarks/labels.py wrong --quick             # to see that it runs

`check` is training with `training.check_labels`, `pool` with `training.use_unlabelled`, `both` with
both, `given` with neither. Wrong labels are planted: a share of each modality's labelled rows get
another concept. Strangers are training rows of concepts that nobody names: of motions beside the
digits, or of a third of the concepts, drawn anew. Retrieval is by concept at strength 0.5, by item
at 0, the mean over ordered pairs. Each seed draws which labels are there, which are wrong, weights,
and where rows have items, which items train. Differences are paired by seed; 95% t-intervals.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from datasets import Dataset, load_dataset
from page import as_section
from spaner.demo.texts import DIGITS
from spaner.experiments.robustness.damage import with_wrong_labels
from spaner.result_tables import Table, interval_cell
from spaner_core.data.matches import NONE
from spaner_core.evaluation.intervals import intervals, paired_differences
from spaner_core.features.labelled import LabelledRows
from spaner_core.recipe import Recipe, TrainingRecipe
from spaner_core.training.material import ConceptNames
from trials import draw_support, draw_validation, fit, measure

SETTINGS: Mapping[str, Mapping[str, bool]] = {
    "given": {},
    "check": {"check_labels": True},
    "pool": {"use_unlabelled": True},
    "both": {"check_labels": True, "use_unlabelled": True},
}
FIGURES = {
    "mean_recall@1": "R@1",
    "mean_map": "mAP",
    "mean_item_mrr@10": "item MRR",
}
WRONG = 0.2
STRANGE = 1 / 3
SPLITS = ("validation", "test")

Figures = dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is known of the training rows: labels a concept, None for all, and how many are wrong.

    `strange` says whose rows nobody names.
    """

    shots: int | None
    wrong: float = 0.0
    strange: str = ""


def cases(part: str, data: str, shots: Sequence[int]) -> dict[Case, tuple[str, ...]]:
    """List the cases of a part with the settings to compare; 0 shots are all labels."""
    counts = [count or None for count in shots or ((8, 0) if part == "wrong" else (1, 2, 4, 8))]
    if part == "wrong":  # without a row that lacks its label there is no pool
        return {
            Case(shots=count, wrong=wrong): tuple(SETTINGS)[: 4 if count else 2]
            for count in counts
            for wrong in (WRONG, 0.0)
        }
    strangers = ("motions", "third") if data == "digits" else ("third",)
    return {
        Case(shots=count, strange=who): ("given", "pool")
        for who in (strangers if part == "strangers" else ("",))
        for count in counts
    }


def estrange(dataset: Dataset, strange: Collection[int]) -> Dataset:
    """Forget concepts: their training rows stay, without label; what is held out of them goes."""
    material = dataset.material
    kept = [n for n in range(len(material.concepts)) if n not in strange]
    numbers = torch.full((len(material.concepts) + 1,), NONE)
    numbers[kept] = torch.arange(len(kept))  # the last place is that of rows without concept

    def forget(rows: LabelledRows) -> LabelledRows:
        return replace(rows, concepts=numbers[rows.concepts])

    def known(rows: LabelledRows) -> LabelledRows:
        rows = forget(rows)
        return rows.take((rows.concepts > NONE).nonzero().flatten())

    train = {name: forget(rows) for name, rows in material.rows.items()}
    names = material.names
    changed = replace(
        material,
        label_texts={
            material.concepts[n]: material.label_texts[material.concepts[n]] for n in kept
        },
        names=names and ConceptNames(names.modality, known(names.rows)),
    ).with_rows({name: rows for name, rows in train.items() if rows.known_concepts})
    held_out = {
        split: {name: known(part) for name, part in rows.items() if name in changed.rows}
        for split, rows in dataset.held_out.items()
    }
    return replace(dataset, material=changed, held_out=held_out)


def draw(datasets: Mapping[str, Dataset], case: Case, seed: int) -> Dataset:
    """Draw what a trial of the case trains on and is measured by."""
    dataset = datasets[case.strange]
    count = len(dataset.material.concepts)
    if case.strange == "motions":
        concepts = dataset.material.concepts
        dataset = estrange(dataset, [n for n in range(count) if concepts[n] not in DIGITS])
    elif case.strange:
        order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
        dataset = estrange(dataset, order[: round(STRANGE * count)].tolist())
    if any(bool((rows.items > NONE).any()) for rows in dataset.train.values()):
        dataset = draw_validation(dataset, seed)
    support = draw_support(dataset.train, case.shots, seed)
    return dataset.with_train(
        with_wrong_labels(support, case.wrong, seed=seed).rows if case.wrong else support
    )


def run(datasets: Mapping[str, Dataset], case: Case, setting: str, seed: int) -> Figures:
    """Train and measure one trial; figures of both splits, by split and name."""
    drawn = draw(datasets, case, seed)
    space = fit(drawn, seed=seed, recipe=Recipe(training=TrainingRecipe(**SETTINGS[setting])))
    return {
        f"{split}_{name}": value
        for split in SPLITS
        for name, value in measure(space, drawn.held_out[split]).items()
        if name in FIGURES
    }


def remembered(path: Path | None, key: Sequence[object], run: Callable[[], Figures]) -> Figures:
    """Run, and append the figures to a file; where it has them, take them from there."""
    sys.stderr.write(f"{' '.join(map(str, key))}\n")
    lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
    for line in map(json.loads, lines):
        if line["key"] == list(key):
            found: Figures = line["figures"]
            return found
    figures = run()
    if path:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": list(key), "figures": figures}) + "\n")
    return figures


def compare(
    datasets: Mapping[str, Dataset], part: str, given: argparse.Namespace
) -> Iterator[tuple[str, ...]]:
    """Run every case with every setting; give the rows of the table."""
    for case, settings in cases(part, given.data, given.shots).items():
        runs: dict[str, dict[int, Figures]] = {setting: {} for setting in settings}
        for seed in range(given.seeds):
            for setting in settings:
                key = (given.data, case.strange, case.shots or 0, case.wrong, setting, seed)
                task = partial(run, datasets, case, setting, seed)
                runs[setting][seed] = remembered(given.keep, key, task)
        for setting, own in runs.items():
            mean, gain = intervals(own), paired_differences(own, runs["given"])
            names = [f"{given.split}_{name}" for name in FIGURES]
            signed = [interval_cell(gain.get(name), signed=True) for name in names]
            yield (
                *(case.strange,) * (part == "strangers"),
                str(case.shots or "all"),
                f"{case.wrong:.0%}",
                setting,
                *(interval_cell(mean.get(name)) for name in names),
                *(["-"] * len(names) if setting == "given" else signed),
            )


def read(part: str, given: argparse.Namespace) -> dict[str, Dataset]:
    """Read what the part needs, by who is strange there."""
    dataset = load_dataset(given.data, quick=given.quick, folder=given.folder)
    datasets = {"": dataset, "third": dataset}
    if part == "strangers" and given.data == "digits":
        datasets["motions"] = load_dataset("demo")
    return datasets


def main() -> None:
    """Run a part and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("wrong", "unlabelled", "strangers"))
    parser.add_argument("--data", choices=("digits", "emoji", "factory"), default="digits")
    parser.add_argument("--folder", type=Path, help="where the data stand already")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--shots", type=int, nargs="*", default=(), help="0 for all labels")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--keep", type=Path, help="keep figures in this file, and use those there")
    parser.add_argument("--quick", action="store_true", help="1 seed, 4 labels a concept")
    given = parser.parse_args()
    if given.quick:
        given.seeds, given.shots = 1, (4,)
    rows = [*compare(read(given.part, given), given.part, given)]
    heads = (*("strangers",) * (given.part == "strangers"), "labels", "wrong", "training")
    shown = (*FIGURES.values(), *(f"{title} - given" for title in FIGURES.values()))
    title = f"{given.part.capitalize()}: {given.data}, {given.split} rows, {given.seeds} seeds"
    sys.stdout.write(as_section(Table(title, (*heads, *shown), rows)) + "\n")


if __name__ == "__main__":
    main()
