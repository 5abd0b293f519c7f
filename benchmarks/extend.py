"""What concepts that are appended later cost against having had them from the start.

    .venv/bin/python benchmarks/extend.py --shots 4,all --seeds 5

A space is trained on eight of ten concepts, the other two are appended to its prompt, and then
every modality is attached anew, on all ten. Means over the six ordered pairs, of queries that show
a later concept and of all queries, with 95% t-intervals over seeds.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

import numpy as np
import torch
from digits import Digits, as_space, draw_support, fit, interval, load_digits, progress
from spaner.demo.concepts import DIGITS
from spaner_core.data.labelled import LabelledRows, join_labelled
from spaner_core.evaluation.retrieval import retrieval
from spaner_core.label_reading import embed_labels
from spaner_core.recipe import TrainingRecipe
from spaner_core.space import Space
from spaner_core.training.attach import fit_attached
from spaner_core.training.joint import Labels

FIRST = 8
NAMES = {
    "together": "all ten together",
    "appended": "eight; two appended, no modality trained on them",
    "replaced": "eight; two appended, every modality attached anew",
}


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", default="4,all")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    digits = load_digits()
    sys.stdout.write(
        "| shots | training | later: recall@1 | later: mAP | all: recall@1 | all: mAP |\n"
        "|---|---|---|---|---|---|\n"
    )
    for given in arguments.shots.split(","):
        shots = None if given == "all" else int(given)
        runs: dict[str, list[list[float]]] = {name: [] for name in NAMES}
        for seed in range(arguments.seeds):
            progress(f"{given} shots, seed {seed}")
            for name, space in _spaces(digits, shots, seed).items():
                runs[name].append(_measure(digits, space))
        for name, values in runs.items():
            figures = " | ".join(interval(column) for column in zip(*values, strict=True))
            sys.stdout.write(f"| {given} | {NAMES[name]} | {figures} |\n")


def _spaces(digits: Digits, shots: int | None, seed: int) -> dict[str, Space]:
    support = draw_support(digits, shots, seed)
    given = replace(digits, train=support)
    early = replace(
        given,
        train={name: _before(rows) for name, rows in support.items()},
        labels=Labels(digits.labels.modality, _before(digits.labels.rows)),
    )
    space = fit(early, None, seed, concepts=DIGITS[:FIRST])
    old = {name: space.aligner(name) for name in space.modalities}
    appended = as_space(space.prompt, old, concepts=DIGITS[:FIRST])
    reader = digits.builders[digits.labels.modality]().reader  # type: ignore[attr-defined]
    reader.load_state_dict(space.prompt.label_reader)
    embeddings = embed_labels(reader, digits.labels.rows, count=len(DIGITS))
    space.prompt.append(space.prompt.later_anchors(embeddings[FIRST:]))
    new = {
        name: fit_attached(
            name,
            digits.builders[name],
            join_labelled([rows, digits.labels.rows]) if name == digits.labels.modality else rows,
            space.prompt,
            training=TrainingRecipe(seed=seed),
        )
        for name, rows in support.items()
    }
    return {
        "together": fit(given, None, seed),
        "appended": appended,
        "replaced": as_space(space.prompt, new),
    }


def _before(rows: LabelledRows) -> LabelledRows:
    """Leave out rows of later concepts."""
    return rows.take(torch.nonzero(rows.concepts < FIRST).flatten())


def _measure(digits: Digits, space: Space) -> list[float]:
    embeddings = {name: space.embed(name, rows.features) for name, rows in digits.test.items()}
    later: list[tuple[float, float]] = []
    every: list[tuple[float, float]] = []
    for query in digits.test:
        shown = digits.test[query].concepts
        for target in digits.test:
            if query == target:
                continue
            relevant = shown.unsqueeze(1) == digits.test[target].concepts
            for chosen, found in ((shown >= FIRST, later), (shown >= 0, every)):
                figures = retrieval(embeddings[query][chosen], embeddings[target], relevant[chosen])
                found.append((figures.recall[1] or 0, figures.mean_average_precision or 0))
    return [float(x) for x in (*np.mean(later, axis=0), *np.mean(every, axis=0))]


if __name__ == "__main__":
    main()
