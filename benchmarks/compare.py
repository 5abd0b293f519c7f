"""Kinds: SPANER against simpler ways to a common space, from few labels to all.

    .venv/bin/python benchmarks/compare.py                          # digits, texts as hashed words
    .venv/bin/python benchmarks/compare.py --data digits-minilm     # texts read by MiniLM
    .venv/bin/python benchmarks/compare.py --data emoji --folder emoji
    .venv/bin/python benchmarks/compare.py --data factory
    .venv/bin/python benchmarks/compare.py --quick                  # to see that it runs

Retrieval by concept. Every method gets the same features, the same labelled rows and the concepts'
names as texts with a label. Trials of its settings, the usual ones and others drawn at random from
the values in `baselines/methods.py`, are measured on the validation split, at 4 shots, over 2 seeds
of their own. The best by mAP is kept for all numbers of shots before the test split is measured.
Methods with a closed form try all of their values. SPANER gets half as many trials as other
training methods, because its usual settings come from earlier experiments on the digits (and the
trials of the heads begin with its learning rate and dropout). Where rows show items, "SPANER, pairs
too" trains on these in addition, with the usual settings; no other method looks at items.

R@1 / mAP, means over ordered pairs, with 95% t-intervals over seeds that draw support sets and
weights (weights alone where all labels are given), differences paired by seed, and where a baseline
wins. Seconds are the processor time of one fit on one thread, without the extraction of features.
SPANER trains with `transformers.Trainer`, the other heads in a bare loop. Fine-tuning MiniLM with
LoRA takes minutes for each fit, so it is done only with `digits-minilm` and `--lora`, at 4 shots
over 3 seeds, with its usual settings alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from baselines.curves import draw_comparison
from baselines.methods import METHODS, WITH_ITEMS, WITH_MINILM, Method
from baselines.search import Run, Trial, measure, tune
from baselines.tables import report
from baselines.task import Shots
from datasets import Dataset, load_dataset
from page import progress
from spaner_core.devices import one_thread

DATA = ("digits", "digits-minilm", "emoji", "factory")


def main() -> None:
    """Run the comparison and print its tables."""
    given = _arguments()
    seeds, trials, shots = (1, 1, (4,)) if given.quick else (given.seeds, given.trials, given.shots)
    with one_thread():
        dataset = load_dataset(given.data, quick=given.quick, folder=given.folder)
        methods = _methods(dataset, given)
        tried = {n: tune(n, m, dataset, trials=trials) for n, m in methods.items()}
        runs = [
            run
            for name, method in methods.items()
            for run in run_all(name, method, tried[name], dataset, shots=shots, seeds=seeds)
        ]
    if given.json:
        given.json.write_text(json.dumps(_raw(given, tried, runs), indent=1), encoding="utf-8")
    sys.stdout.write(report(runs, tried, what=f"kinds, {given.data}"))
    if given.curves:
        draw_comparison(runs, given.curves)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", choices=DATA, default=DATA[0])
    parser.add_argument("--folder", type=Path, help="where the data set lies, or is written to")
    parser.add_argument("--shots", type=_shots, default="1,2,4,8,16,all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=12, help="settings tried, by SPANER half")
    parser.add_argument("--without", default="", help="methods to leave out, semicolons between")
    parser.add_argument("--lora", action="store_true", help="tune MiniLM, too: minutes a fit")
    parser.add_argument("--quick", action="store_true", help="1 seed, 1 trial, 4 shots")
    parser.add_argument("--curves", type=Path, help="draw the figures by shots to this PNG")
    parser.add_argument("--json", type=Path, help="write the raw figures to this file")
    given = parser.parse_args()
    if given.seeds < 1 or given.trials < 1:
        parser.error(f"{given.seeds} seeds, {given.trials} trials: give at least 1 of each")
    return given


def _shots(text: str) -> tuple[Shots, ...]:
    return tuple(None if count == "all" else int(count) for count in text.split(","))


def _methods(dataset: Dataset, given: argparse.Namespace) -> dict[str, Method]:
    """Choose the methods that the data set, and the one who asks, has a use for."""
    paired = any((part.items >= 0).any() for part in dataset.train.values())
    offered = {
        **METHODS,
        **(WITH_ITEMS if paired else {}),
        **(WITH_MINILM if given.lora and given.data == "digits-minilm" else {}),
    }
    left_out = given.without.split(";")
    return {name: method for name, method in offered.items() if name not in left_out}


def run_all(
    name: str,
    method: Method,
    tried: Sequence[Trial],
    dataset: Dataset,
    *,
    shots: Sequence[Shots],
    seeds: int,
) -> list[Run]:
    """Measure the test split with the best trial's settings, at every number of shots and seed."""
    chosen = max(tried, key=lambda trial: trial.score).settings
    runs = []
    for count in method.shots or shots:
        progress(f"{name}: {count or 'all'} shots")
        for seed in range(min(seeds, method.seeds or seeds)):
            runs.append(
                measure(name, method, chosen, dataset, split="test", shots=count, seed=seed)
            )
    return runs


def _raw(
    given: argparse.Namespace, tried: Mapping[str, Sequence[Trial]], runs: Sequence[Run]
) -> dict[str, Any]:
    return {
        "data": given.data,
        "trials": {name: [vars(trial) for trial in trials] for name, trials in tried.items()},
        "runs": [vars(run) for run in runs],
    }


if __name__ == "__main__":
    main()
