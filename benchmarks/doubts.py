"""Doubted labels: how many that `spaner check --labels` lists are wrong, and how many it misses.

    .venv/bin/python benchmarks/doubts.py                    # digits, planted wrong labels
    .venv/bin/python benchmarks/doubts.py --data emoji
    .venv/bin/python benchmarks/doubts.py --data factory     # those of its own mess, too
    .venv/bin/python benchmarks/doubts.py --quick            # to see that it runs

Wrong labels are planted: a share of each modality's labelled training rows get another concept. The
factory comes with 4% of its own, half of them near ones; the line `0%` is about these. Nothing is
trained. A label is listed where the row itself, or a row of another modality with the same item,
doubts it: `row` and `item` are the lists by either alone. Precision is the share of listed labels
that are wrong, recall the share of wrong labels that are listed; `first 20` is the precision among
those that the command prints. Each seed draws which labels are wrong, and which are there; 95%
t-intervals.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from datasets import Dataset, load_dataset
from page import as_section
from spaner.experiments.robustness.damage import with_wrong_labels
from spaner.labelling.doubts import DOUBTED, believed
from spaner.labelling.evidence import Finding, find_evidence, weigh_rows
from spaner.result_tables import Table, interval_cell
from spaner_core.data.matches import numbers_of
from spaner_core.evaluation.intervals import intervals
from spaner_core.features.labelled import LabelledRows
from torch import Tensor
from trials import draw_support

WRONG = (0.2, 0.05)
SHOWN = 20
SOURCES = ("row", "item", "either")

Figures = dict[str, float | None]


def truths(dataset: Dataset) -> dict[str, Tensor]:
    """Return what training rows show, (n,) by modality: by their label, if nothing else says it."""
    return {
        name: numbers_of(
            [row.metadata.get("true_concept", row.concept) for row in rows],
            dataset.material.concepts,
        )
        for name, rows in dataset.entries.items()
    }


def gather(
    dataset: Dataset, rows: Mapping[str, LabelledRows]
) -> dict[str, dict[int, list[Finding]]]:
    """Gather what speaks of each label, by modality and place."""
    material, names = dataset.material, dataset.material.names
    weighed = {
        name: found
        for name, part in rows.items()
        if (
            found := weigh_rows(
                part,
                material.modalities[name].build,
                names=names.rows if names and names.modality == name else None,
                count=len(material.concepts),
            )
        )
    }
    return {name: find_evidence(weighed, name) for name in weighed}


def doubting(name: str, found: list[Finding], source: str) -> bool:
    """Say whether a label of a modality is doubted by the source."""
    return any(
        one.weight < DOUBTED and (source == "either" or (source == "row") == (one.modality == name))
        for one in found
    )


def judge(dataset: Dataset, rows: Mapping[str, LabelledRows]) -> Iterator[tuple[str, str, Figures]]:
    """Give modality, source and figures of the lists."""
    true, evidence = truths(dataset), gather(dataset, rows)
    wrong = {
        name: (part.concepts >= 0) & (part.concepts != true[name]) for name, part in rows.items()
    }
    every = {
        (name, place) for name, part in wrong.items() for place in part.nonzero().flatten().tolist()
    }
    listed = {
        source: sorted(
            (believed(found), name, place)
            for name, places in evidence.items()
            for place, found in places.items()
            if doubting(name, found, source)
        )
        for source in SOURCES
    }
    for source, labels in listed.items():
        for name in (*rows, "all"):
            own = [(n, place) for _, n, place in labels if name in (n, "all")]
            there = {key for key in every if name in (key[0], "all")}
            right = [key in there for key in own]
            if own or source != "item":
                yield (
                    name,
                    source,
                    {
                        "wrong": float(len(there)),
                        "listed": float(len(own)),
                        "precision": sum(right) / len(own) if own else None,
                        "recall": sum(right) / len(there) if there else None,
                        "first 20": sum(right[:SHOWN]) / len(right[:SHOWN]) if own else None,
                    },
                )


def compare(dataset: Dataset, given: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    """Judge every case; give the rows of the table."""
    shares = (*WRONG, 0.0) if dataset.name == "factory" else WRONG
    for count in given.shots:
        for share in shares:
            runs: dict[tuple[str, str], dict[int, Figures]] = {}
            for seed in range(given.seeds if share or count else 1):
                rows = draw_support(dataset.train, count or None, seed)
                if share:
                    rows = dict(with_wrong_labels(rows, share, seed=seed).rows)
                for name, source, figures in judge(dataset, rows):
                    runs.setdefault((name, source), {})[seed] = figures
            for (name, source), own in sorted(runs.items()):
                found = intervals(own)
                cells = (interval_cell(found[figure]) for figure in found)
                yield (str(count or "all"), f"{share:.0%}", name, source, *cells)


def main() -> None:
    """Judge the lists and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=("digits", "emoji", "factory"), default="digits")
    parser.add_argument("--folder", type=Path, help="where the data stand already")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--shots", type=int, nargs="*", default=(0, 8), help="0 for all labels")
    parser.add_argument("--quick", action="store_true", help="2 seeds")
    given = parser.parse_args()
    if given.quick:
        given.seeds = 2
    dataset = load_dataset(given.data, quick=given.quick, folder=given.folder)
    with torch.no_grad():
        rows = [*compare(dataset, given)]
    heads = ("labels", "planted", "modality", "doubted by", "wrong", "listed", "precision")
    title = f"Doubted labels: {given.data}, {given.seeds} seeds"
    table = Table(title, (*heads, "recall", f"first {SHOWN}"), rows)
    sys.stdout.write(as_section(table) + "\n")


if __name__ == "__main__":
    main()
