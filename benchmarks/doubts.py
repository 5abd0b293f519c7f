"""Doubted labels: how many that `spaner check --labels` lists are wrong, and how many it misses.

    .venv/bin/python benchmarks/doubts.py                    # digits, planted wrong labels
    .venv/bin/python benchmarks/doubts.py --data emoji
    .venv/bin/python benchmarks/doubts.py --data factory     # those of its own mess, too
    .venv/bin/python benchmarks/doubts.py --quick            # to see that it runs

Wrong labels are planted: a share of each modality's labelled training rows get another concept. The
factory comes with 4% of its own, half of them near ones; the line `0%` is about these. Nothing is
trained. A label is listed where it is probably wrong by what the row itself resembles (`row`), by
what rows of other modalities with the same item resemble (`item`), or by both, as the command does.
Precision is the share of listed labels that are wrong, recall the share of wrong labels that are
listed. Each seed draws which labels are wrong, and which are there; the rule was chosen on seeds 0
and 1, which are not among those here. 95% t-intervals.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from datasets import Dataset, load_dataset
from page import as_section
from spaner.experiments.robustness.damage import with_wrong_labels
from spaner.labelling.doubts import DOUBTED
from spaner.labelling.evidence import LabelEvidence, find_evidence, p_wrong_of, weigh_material
from spaner.result_tables import Table, interval_cell
from spaner_core.data.matches import numbers_of
from spaner_core.evaluation.intervals import intervals
from spaner_core.features.labelled import LabelledRows
from torch import Tensor
from trials import draw_support

WRONG = (0.2, 0.05)
SOURCES = ("row", "item", "both")
FIRST_SEED = 2

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


def heard(label: LabelEvidence, source: str) -> LabelEvidence:
    """Keep what the source says of a label."""
    return replace(
        label,
        findings=tuple(
            one
            for one in label.findings
            if source == "both" or (source == "row") == (one.modality == label.modality)
        ),
    )


def judge(dataset: Dataset, rows: Mapping[str, LabelledRows]) -> Iterator[tuple[str, str, Figures]]:
    """Give modality, source and figures of the lists."""
    true, labels = truths(dataset), find_evidence(weigh_material(dataset.material.with_rows(rows)))
    differs = {n: (part.concepts >= 0) & (part.concepts != true[n]) for n, part in rows.items()}
    wrong = {
        (n, place) for n, part in differs.items() for place in torch.nonzero(part)[:, 0].tolist()
    }
    for source in SOURCES:
        judged = [one for label in labels if (one := heard(label, source)).findings]
        listed = [
            (label.modality, label.place)
            for label, p_wrong in zip(judged, p_wrong_of(judged), strict=True)
            if p_wrong >= DOUBTED
        ]
        if not judged:
            continue
        for name in (*(rows if source == "both" else ()), "all"):
            there = {key for key in wrong if name in (key[0], "all")}
            right = [key in there for key in listed if name in (key[0], "all")]
            yield (
                name,
                source,
                {
                    "wrong": float(len(there)),
                    "listed": float(len(right)),
                    "precision": sum(right) / len(right) if right else None,
                    "recall": sum(right) / len(there) if there else None,
                },
            )


def compare(dataset: Dataset, given: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    """Judge every case; give the rows of the table."""
    planted = (*WRONG, 0.0) if dataset.name == "factory" else WRONG
    for count in given.shots:
        for share in planted:
            runs: dict[tuple[str, str], dict[int, Figures]] = {}
            for seed in range(FIRST_SEED, FIRST_SEED + (given.seeds if share or count else 1)):
                rows = draw_support(dataset.train, count or None, seed)
                if share:
                    rows = dict(with_wrong_labels(rows, share, seed=seed).rows)
                for name, source, figures in judge(dataset, rows):
                    runs.setdefault((name, source), {})[seed] = figures
            for (name, source), own in sorted(runs.items()):
                found = intervals(own)
                counts = (f"{found[figure].mean:.0f}" for figure in ("wrong", "listed"))
                shares = (interval_cell(found[figure]) for figure in ("precision", "recall"))
                yield (str(count or "all"), f"{share:.0%}", name, source, *counts, *shares)


def main() -> None:
    """Judge the lists and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=("digits", "emoji", "factory"), default="digits")
    parser.add_argument("--folder", type=Path, help="where the data stand already")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--shots", type=int, nargs="*", help="0 for all labels")
    parser.add_argument("--quick", action="store_true", help="2 seeds")
    given = parser.parse_args()
    if given.quick:
        given.seeds = 2
    given.shots = given.shots or ((0,) if given.data == "factory" else (0, 8))
    dataset = load_dataset(given.data, quick=given.quick, folder=given.folder)
    with torch.no_grad():
        rows = [*compare(dataset, given)]
    heads = ("labels", "planted", "modality", "doubted by", "wrong", "listed", "precision")
    title = f"Doubted labels: {given.data}, {given.seeds} seeds"
    table = Table(title, (*heads, "recall"), rows)
    sys.stdout.write(as_section(table) + "\n")


if __name__ == "__main__":
    main()
