"""Concepts that are appended later, against having had them from the start.

    .venv/bin/python benchmarks/extend.py --shots 4,all --seeds 5

Digits. A space is trained on eight of ten concepts, the other two are appended to its prompt, and
then every modality is attached anew, on all ten. Means over the six ordered pairs of the test
split, of queries that show a later concept and of all queries, with 95% t-intervals over seeds that
draw labelled rows and weights. Seconds are the processor time on extracted features after the first
training; parameters are those trained or appended after it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from statistics import fmean
from typing import Any

from datasets import Dataset, load_dataset
from page import as_section, progress
from spaner.result_tables import Table, interval_cell
from spaner.training.plan import count_parameters
from spaner_core.evaluation.intervals import intervals
from spaner_core.evaluation.retrieval import retrieval
from spaner_core.features.labelled import LabelledRows
from spaner_core.space.records import PromptBlock
from spaner_core.space.space import Space
from spaner_core.space.trained import SpaceAligner
from spaner_core.training.material import ConceptNames
from trials import attach, draw_support, embed, fit

FIRST = 8
WAYS = {
    "together": "all ten together",
    "appended": "eight; two appended, no modality trained on them",
    "replaced": "eight; two appended, every modality attached anew",
}
FIGURES = {
    "later_recall@1": "later: R@1",
    "later_map": "later: mAP",
    "all_recall@1": "all: R@1",
    "all_map": "all: mAP",
}


@dataclass(frozen=True)
class Made:
    """A space, and what it took."""

    space: Space
    seconds: float
    parameters: int


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shots", default="4,all")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    digits = load_dataset("digits")
    lines = []
    for shots in given.shots.split(","):
        made: dict[str, list[Made]] = {name: [] for name in WAYS}
        runs: dict[str, dict[int, Mapping[str, float]]] = {name: {} for name in WAYS}
        for seed in range(given.seeds):
            progress(f"{shots} shots, seed {seed}")
            for name, one in make_spaces(digits, shots, seed).items():
                made[name].append(one)
                runs[name][seed] = measure(one.space, digits)
        for name, title in WAYS.items():
            found = intervals(runs[name])
            figures = (interval_cell(found[key]) for key in FIGURES)
            seconds = fmean(one.seconds for one in made[name])
            cost = (f"{seconds:.1f}", f"{made[name][0].parameters:,}")
            lines.append((shots, title, *figures, *cost))
    heads = ("shots", "training", *FIGURES.values(), "CPU seconds", "parameters")
    sys.stdout.write(as_section(Table("Test split", heads, lines)))


def make_spaces(digits: Dataset, shots: str, seed: int) -> dict[str, Made]:
    """Train on all concepts, and on the first, to which the others are then added."""
    count = None if shots == "all" else int(shots)
    given = digits.with_train(draw_support(digits.train, count, seed))
    first = fit(only_first(given), seed=seed)
    start = time.process_time()
    extended = append_later(first, given)
    appending = time.process_time() - start
    replaced = extended
    for name in given.train:
        replaced = attach(given, replaced, name, by=("labels",), seed=seed)
    replacing = time.process_time() - start
    start = time.process_time()
    together = fit(given, seed=seed)
    whole = time.process_time() - start
    later = extended.prompt.anchors[FIRST:].numel()
    trained = _trained(together) + count_parameters(together.prompt)
    return {
        "together": Made(together, whole, trained),
        "appended": Made(extended, appending, later),
        "replaced": Made(replaced, replacing, later + _trained(replaced)),
    }


def _trained(space: Space) -> int:
    return sum(count_parameters(space.aligner(name)) for name in space.modalities)


def only_first(dataset: Dataset) -> Dataset:
    """Leave out the later concepts, their rows and their names."""
    material, names = dataset.material, dataset.material.names
    early = dataset.with_train({name: _before(rows) for name, rows in dataset.train.items()})
    return replace(
        early,
        material=replace(
            early.material,
            label_texts=dict(islice(material.label_texts.items(), FIRST)),
            names=names and ConceptNames(names.modality, _before(names.rows)),
        ),
    )


def _before(rows: LabelledRows) -> LabelledRows:
    return rows.take((rows.concepts < FIRST).nonzero().flatten())


def append_later(space: Space, dataset: Dataset) -> Space:
    """Append the later concepts' anchors, as `spaner extend` makes them, to the space's prompt."""
    names: Any = dataset.material.names
    aligner: Any = dataset.build(names.modality, {})
    aligner.reader.load_state_dict(space.prompt.label_reader)
    concepts, texts = dataset.material.concepts, dataset.material.label_texts
    embeddings = names.embed(aligner.reader, count=len(concepts))
    space.prompt.append(space.prompt.later_anchors(embeddings[FIRST:]))
    later = PromptBlock(
        fingerprint="",
        concepts=concepts[FIRST:],
        label_texts={concept: texts[concept] for concept in concepts[FIRST:]},
    )
    aligners = {
        name: SpaceAligner(record=space.records[name], load=partial(space.aligner, name))
        for name in space.modalities
    }
    return Space(space.prompt, space.record, blocks=[*space.blocks, later], aligners=aligners)


def measure(space: Space, dataset: Dataset) -> dict[str, float]:
    """Measure queries of later concepts, and all, each in the whole test split."""
    test = dataset.held_out["test"]
    embeddings = embed(space, test, None)
    found: dict[str, list[float]] = {key: [] for key in FIGURES}
    for query, rows in test.items():
        for target in test.keys() - {query}:
            relevant = rows.concepts.unsqueeze(1) == test[target].concepts
            for name, chosen in (("later", rows.concepts >= FIRST), ("all", rows.concepts >= 0)):
                figures = retrieval(embeddings[query][chosen], embeddings[target], relevant[chosen])
                found[f"{name}_recall@1"].append(figures.recall[1] or 0)
                found[f"{name}_map"].append(figures.mean_average_precision or 0)
    return {key: fmean(values) for key, values in found.items()}


if __name__ == "__main__":
    main()
