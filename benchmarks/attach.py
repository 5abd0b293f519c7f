"""Attaching a modality later, against training everything together.

    .venv/bin/python benchmarks/attach.py --shots 4,all --seeds 5

Speech is attached, by its own labels alone, to a space of images and texts; the same three are
trained jointly. Means over the four ordered pairs with speech, 95% t-intervals over seeds, the
processor time of each training on extracted features, and the number of parameters it trained.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from digits import (
    Digits,
    as_space,
    draw_support,
    fit,
    interval,
    load_digits,
    progress,
    trained_parameters,
)
from spaner.training.plan import count_parameters
from spaner_core.evaluation.retrieval import retrieval_by_pair
from spaner_core.recipe import Recipe, TrainingRecipe
from spaner_core.space.space import Space
from spaner_core.training.attached import fit_attached

LATER = "audio"
HEAD = "| shots | training | recall@1 | mAP | CPU seconds | parameters |"


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", default="4,all")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    digits = load_digits()
    lines = [HEAD, "|---|---|---|---|---|---|"]
    for given in arguments.shots.split(","):
        shots = None if given == "all" else int(given)
        runs: dict[str, list[tuple[float, float, float]]] = {"together": [], "attached": []}
        for seed in range(arguments.seeds):
            progress(f"{given} shots, seed {seed}")
            start = time.process_time()
            together = fit(digits, shots, seed)
            runs["together"].append((*_measure(digits, together), time.process_time() - start))
            first = {name: rows for name, rows in digits.train.items() if name != LATER}
            space = fit(replace(digits, train=first), shots, seed)
            start = time.process_time()
            attached = _attach(digits, space, shots, seed)
            runs["attached"].append((*_measure(digits, attached), time.process_time() - start))
        new = count_parameters(attached.aligner(LATER))
        trained = {"together": trained_parameters(together), "attached": new}
        for name, values in runs.items():
            recall, precision, seconds = zip(*values, strict=True)
            lines.append(
                f"| {given} | {name} | {interval(recall)} | {interval(precision)} | "
                f"{np.mean(seconds):.1f} | {trained[name]:,} |"
            )
    sys.stdout.write("\n".join(lines) + "\n")


def _attach(digits: Digits, space: Space, shots: int | None, seed: int) -> Space:
    aligner = fit_attached(
        LATER,
        digits.builders[LATER],
        draw_support(digits, shots, seed)[LATER],
        space.prompt,
        recipe=Recipe(training=TrainingRecipe(seed=seed)),
    )
    aligners = {name: space.aligner(name) for name in space.modalities}
    return as_space(space.prompt, {**aligners, LATER: aligner}, features=digits.features)


def _measure(digits: Digits, space: Space) -> tuple[float, float]:
    shown = digits.test.items()
    embeddings = {n: torch.from_numpy(space.embed(n, rows.features)) for n, rows in shown}
    labels = {name: rows.labels for name, rows in digits.test.items()}
    figures: Mapping[str, float | None] = retrieval_by_pair(embeddings, labels)
    others = [name for name in digits.test if name != LATER]
    pairs = [f"{a}_to_{b}" for other in others for a, b in ((other, LATER), (LATER, other))]
    return (
        float(np.mean([figures[f"{pair}_recall@1"] or 0 for pair in pairs])),
        float(np.mean([figures[f"{pair}_map"] or 0 for pair in pairs])),
    )


if __name__ == "__main__":
    main()
