"""SPANER against simpler ways to a common space, from few labelled digits.

    .venv/bin/python benchmarks/compare.py --json figures.json     # texts as hashed words
    .venv/bin/python benchmarks/compare.py --minilm                # texts read by MiniLM
    .venv/bin/python benchmarks/compare.py --quick                 # to see that it runs

Every method gets the same features, the same labelled rows and the concepts' names as texts with a
label. Twelve trials of its settings, the usual ones and others drawn at random from the values in
`baselines/methods.py`, are measured on the validation split, at 4 shots, over 2 seeds of their own.
The best by mAP is kept for all numbers of shots before the test split is measured. Methods with a
closed form try all of their values. SPANER gets only six trials, because its usual settings come
from earlier experiments on the same digits (and the trials of the heads begin with its learning
rate and dropout).

Prints Markdown: R@1 / mAP with 95% t-intervals over seeds that draw support sets and weights,
differences paired by seed, and where a baseline wins. Seconds are the processor time of one fit on
one thread, without the extraction of features. SPANER trains with `transformers.Trainer`, the other
heads in a bare loop. Fine-tuning MiniLM with LoRA takes minutes for each fit, so it is done only
with `--minilm`, at 4 shots over 3 seeds, with its usual settings alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from baselines.curves import draw_comparison
from baselines.material import Material, load_material
from baselines.methods import METHODS, WITH_MINILM, Method
from baselines.search import Run, Trial, measure, tune
from baselines.tables import report
from digits import progress
from spaner_core.devices import one_thread

SHOTS = (1, 2, 4, 8, 16)


def main() -> None:
    """Run the comparison and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=12, help="settings tried, by SPANER half")
    parser.add_argument("--minilm", action="store_true", help="texts read by MiniLM")
    parser.add_argument("--quick", action="store_true", help="1 seed, 1 trial, 1 and 4 shots")
    parser.add_argument("--curves", type=Path, help="draw the figures by shots to this PNG")
    parser.add_argument("--json", type=Path, help="write the raw figures to this file")
    given = parser.parse_args()
    if given.seeds < 1 or given.trials < 1:
        parser.error(f"{given.seeds} seeds, {given.trials} trials: give at least 1 of each")
    seeds, trials, shots = (1, 1, (1, 4)) if given.quick else (given.seeds, given.trials, SHOTS)
    methods = {**METHODS, **(WITH_MINILM if given.minilm and not given.quick else {})}
    with one_thread():
        material = load_material(read_by_minilm=given.minilm)
        tried = {n: tune(n, m, material, trials=trials) for n, m in methods.items()}
        runs = [
            run
            for name, method in methods.items()
            for run in run_all(name, method, tried[name], material, shots=shots, seeds=seeds)
        ]
    if given.json:
        given.json.write_text(json.dumps(_raw(given, tried, runs), indent=1), encoding="utf-8")
    sys.stdout.write(report(runs, tried))
    if given.curves:
        draw_comparison(runs, given.curves)


def run_all(
    name: str,
    method: Method,
    tried: Sequence[Trial],
    material: Material,
    *,
    shots: Sequence[int],
    seeds: int,
) -> list[Run]:
    """Measure the test split with the best trial's settings, at every number of shots and seed."""
    chosen = max(tried, key=lambda trial: trial.score).settings
    runs = []
    for count in method.shots or shots:
        progress(f"{name}: {count} shots")
        for seed in range(min(seeds, method.seeds or seeds)):
            runs.append(
                measure(name, method, chosen, material, split="test", shots=count, seed=seed)
            )
    return runs


def _raw(
    given: argparse.Namespace, tried: Mapping[str, Sequence[Trial]], runs: Sequence[Run]
) -> dict[str, Any]:
    return {
        "texts": "minilm" if given.minilm else "hashed",
        "trials": {name: [vars(trial) for trial in trials] for name, trials in tried.items()},
        "runs": [vars(run) for run in runs],
    }


if __name__ == "__main__":
    main()
