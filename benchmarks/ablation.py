"""What each part of the method gains: a training with it minus one without.

    make ablation
    .venv/bin/python benchmarks/ablation.py --data digits --seeds 4 --json parts.jsonl
    .venv/bin/python benchmarks/ablation.py --quick                # to see that it runs

Every part is switched off alone, by a setting or by a patch in `benchmarks/parts.py`; token
attention, which is off by default, is switched on. A gain is the figure with the part minus that
without it, paired by seed, with a 95% t-interval. Kinds are measured at the space's pull strength,
things at 0, as means over the ordered pairs of modalities, on the validation split. A seed draws
weights, which rows keep their label and, of the emoji, which items validate. A part is kept where
the upper end of any of its intervals reaches .005. `--json` keeps the figures of each training, and
takes those that are there already.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

from datasets import Dataset, load_dataset
from page import as_section
from parts import PARTS, WHOLE
from remembered import remembered
from spaner.result_tables import Table, interval_cell
from spaner_core import MeanTokens
from spaner_core.data.matches import NONE
from spaner_core.evaluation.intervals import Interval, paired_differences
from trials import draw_support, draw_validation, fit, measure, read_once

ENOUGH = 0.005
"""The gain that a part must be able to have somewhere."""

FIGURES = {
    "mean_recall@1": "kinds R@1",
    "mean_map": "kinds mAP",
    "mean_item_recall@1": "things R@1",
    "mean_item_mrr@10": "things MRR",
}
QUICK_PARTS = (WHOLE, "anchor loss", "MLP")


class Trial(NamedTuple):
    """What one training is of."""

    data: str
    shots: str
    seed: int
    part: str


Figures = Mapping[str, float | None]
Kept = dict[Trial, Figures]


def read_data(name: str, *, quick: bool, folder: Path | None) -> Dataset:
    """Read a data set; of emoji the mean of all places, which trains in a third of the time."""
    dataset = load_dataset(name, quick=quick, folder=folder)
    if name != "emoji":
        return dataset
    return read_once(dataset, "vision", MeanTokens(dataset.features["vision"]))


def run(trial: Trial, dataset: Dataset, *, steps: int | None) -> Figures:
    """Train without the part and measure the validation split."""
    part = PARTS[trial.part]
    own = part.dataset(dataset)
    if any(bool((rows.items > NONE).any()) for rows in own.train.values()):
        own = draw_validation(own, trial.seed)
    recipe = part.recipe()
    recipe = replace(recipe, training=replace(recipe.training, max_steps=steps))
    shots = None if trial.shots == "all" else int(trial.shots)
    with part.off():
        rows = draw_support(own.train, shots, trial.seed)
        space = fit(own, seed=trial.seed, recipe=recipe, rows=rows)
        found = measure(space, own.held_out["validation"])
    return {name: found[name] for name in FIGURES if name in found}


def gains(kept: Kept, data: str, shots: str) -> dict[str, dict[str, Interval]]:
    """Return what each part gains, by part and figure."""
    runs: dict[str, dict[int, Figures]] = {}
    for trial, figures in kept.items():
        if (trial.data, trial.shots) == (data, shots):
            runs.setdefault(trial.part, {})[trial.seed] = figures
    whole = runs.pop(WHOLE, {})
    found = {}
    for part, own in runs.items():
        seeds = [seed for seed in own if seed in whole]
        sides = [{s: side[s] for s in seeds} for side in (whole, own)]
        found[part] = paired_differences(*(sides[::-1] if PARTS[part].added else sides))
    return found


def gain_table(kept: Kept, data: str, shots: str) -> Table:
    """Lay out the gains of one data set at one number of labels."""
    found = gains(kept, data, shots)
    heads = {n: t for n, t in FIGURES.items() if any(n in part for part in found.values())}
    lines = [
        (part, *(interval_cell(found[part].get(name), signed=True) for name in heads), _runs(own))
        for part, own in found.items()
    ]
    labels = "all labels" if shots == "all" else f"{shots} labelled rows a concept"
    return Table(f"{data}, {labels}", ("part", *heads.values(), "seeds"), lines)


def _runs(own: Mapping[str, Interval]) -> str:
    return str(max(interval.runs for interval in own.values()))


def verdicts(kept: Kept) -> Table:
    """Say of each part where it may gain most, and whether that is enough."""
    lines = []
    for part in PARTS:
        found = [
            (own.high, own, f"{FIGURES[name]}, {data}, {shots}")
            for data, shots in dict.fromkeys((trial.data, trial.shots) for trial in kept)
            for name, own in gains(kept, data, shots).get(part, {}).items()
            if own.high is not None
        ]
        if found:
            high, gain, where = max(found, key=lambda one: one[0])
            verdict = "stays" if high >= ENOUGH else "leaves"
            lines.append((part, interval_cell(gain, signed=True), where, f"{high:+.3f}", verdict))
    heads = ("part", "gain", "where", "upper end", "verdict")
    return Table("Where each part may gain most", heads, lines)


def run_all(given: argparse.Namespace) -> Kept:
    """Run what is asked for."""
    kept: Kept = {}
    for data in given.data:
        folder = given.emoji if data == "emoji" else None
        dataset = read_data(data, quick=given.quick, folder=folder)
        for seed, shots, part in product(range(given.seeds), given.shots, given.parts):
            if data in PARTS[part].only:
                trial = Trial(data, shots, seed, part)
                kept[trial] = remembered(
                    given.json,
                    trial,
                    partial(run, trial, dataset, steps=20 if given.quick else None),
                )
    return kept


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--data", type=_listed, default=["digits", "emoji"], help="commas between")
    parser.add_argument("--shots", type=_listed, default=["1", "8", "all"])
    parser.add_argument("--parts", type=_listed, default=list(PARTS))
    parser.add_argument("--emoji", type=Path, help="what scripts/make_emoji.py has written")
    parser.add_argument("--json", type=Path, help="keep each training's figures in this file")
    parser.add_argument("--quick", action="store_true", help="2 seeds, 3 parts, 20 steps, a sample")
    given = parser.parse_args()
    if given.quick:
        given.seeds, given.shots, given.parts = 2, ["1"], list(QUICK_PARTS)
    if WHOLE not in given.parts:
        given.parts.insert(0, WHOLE)
    if unknown := [name for name in given.parts if name not in PARTS]:
        parser.error(f"no parts {unknown}: give some of {', '.join(PARTS)}")
    kept = run_all(given)
    places = dict.fromkeys((trial.data, trial.shots) for trial in kept)
    tables = [verdicts(kept), *(gain_table(kept, *place) for place in places)]
    sys.stdout.write("\n".join(map(as_section, tables)) + "\n")


def _listed(given: str) -> list[str]:
    return given.split(",")


if __name__ == "__main__":
    main()
