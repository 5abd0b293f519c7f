"""Concepts that are appended later, against having had them from the start.

    .venv/bin/python benchmarks/extend.py --shots 4,all --seeds 5

A space is trained on eight of ten concepts, the other two are appended to its prompt, and then
every modality is attached anew, on all ten. Means over the six ordered pairs, of queries that show
a later concept and of all queries, with 95% t-intervals over seeds. Seconds are the processor time
on extracted features after the first training; parameters are those trained or appended after it.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from statistics import fmean

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
from spaner.demo.texts import DIGITS
from spaner.training.plan import count_parameters
from spaner_core.evaluation.retrieval import retrieval
from spaner_core.features.labelled import LabelledRows, join_labelled
from spaner_core.recipe import Recipe, TrainingRecipe
from spaner_core.space.space import Space
from spaner_core.training.attached import fit_attached
from spaner_core.training.material import ConceptNames

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
        "| shots | training | later: recall@1 | later: mAP | all: recall@1 | all: mAP "
        "| CPU seconds | parameters |\n|---|---|---|---|---|---|---|---|\n"
    )
    for given in arguments.shots.split(","):
        shots = None if given == "all" else int(given)
        runs: dict[str, list[list[float]]] = {name: [] for name in NAMES}
        made: dict[str, list[Made]] = {name: [] for name in NAMES}
        for seed in range(arguments.seeds):
            progress(f"{given} shots, seed {seed}")
            for name, one in _spaces(digits, shots, seed).items():
                runs[name].append(_measure(digits, one.space))
                made[name].append(one)
        for name, values in runs.items():
            figures = " | ".join(interval(column) for column in zip(*values, strict=True))
            cost = f"{fmean(one.seconds for one in made[name]):.1f} | {made[name][0].parameters:,}"
            sys.stdout.write(f"| {given} | {NAMES[name]} | {figures} | {cost} |\n")


@dataclass(frozen=True)
class Made:
    """A space, and what it took."""

    space: Space
    seconds: float
    parameters: int


def _spaces(digits: Digits, shots: int | None, seed: int) -> dict[str, Made]:
    support = draw_support(digits, shots, seed)
    given = replace(digits, train=support)
    early = replace(
        given,
        train={name: _before(rows) for name, rows in support.items()},
        labels=ConceptNames(digits.labels.modality, _before(digits.labels.rows)),
    )
    space = fit(early, None, seed, concepts=DIGITS[:FIRST])
    old = {name: space.aligner(name) for name in space.modalities}
    start = time.process_time()
    appended = as_space(space.prompt, old, features=digits.features, concepts=DIGITS[:FIRST])
    reader = digits.builders[digits.labels.modality]().reader  # type: ignore[attr-defined]
    reader.load_state_dict(space.prompt.label_reader)
    embeddings = digits.labels.embed(reader, count=len(DIGITS))
    anchors = space.prompt.later_anchors(embeddings[FIRST:])
    space.prompt.append(anchors)
    appending = time.process_time() - start
    new = {
        name: fit_attached(
            name,
            digits.builders[name],
            join_labelled([rows, digits.labels.rows]) if name == digits.labels.modality else rows,
            space.prompt,
            recipe=Recipe(training=TrainingRecipe(seed=seed)),
        )
        for name, rows in support.items()
    }
    replacing = time.process_time() - start
    start = time.process_time()
    together = fit(given, None, seed)
    whole = time.process_time() - start
    later, attached = anchors.numel(), sum(map(count_parameters, new.values()))
    return {
        "together": Made(together, whole, trained_parameters(together)),
        "appended": Made(appended, appending, later),
        "replaced": Made(
            as_space(space.prompt, new, features=digits.features), replacing, later + attached
        ),
    }


def _before(rows: LabelledRows) -> LabelledRows:
    """Leave out rows of later concepts."""
    return rows.take(torch.nonzero(rows.concepts < FIRST).flatten())


def _measure(digits: Digits, space: Space) -> list[float]:
    embeddings = {
        name: torch.from_numpy(space.embed(name, rows.features))
        for name, rows in digits.test.items()
    }
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
