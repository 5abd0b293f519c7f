"""Thousands of pairs, hundreds of concepts: what training at the defaults makes of them.

    .venv/bin/python benchmarks/pairs.py --pairs 5000 --concepts 500 1000 --seeds 5
    .venv/bin/python benchmarks/pairs.py --pairs 300 --kinds      # pairs that have a concept, too
    .venv/bin/python benchmarks/pairs.py --quick                  # to see that it runs

All data are synthetic and made here: texts with series of 6 to 16 channels, read by the default
encoders. A pair is a text of eight words and a noisy series of eight curves, a curve a word; a
concept is a name, six words of its own and a curve. Things are retrieved by item, at strength 0,
kinds by concept, with 95% t-intervals over trainings that differ in their seed alone. Seconds are
the processor time of one training with its measurement.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from datasets import HELD_OUT as HELD_OUT_SPLITS
from datasets import TEXT, Dataset, read_project
from page import as_section, progress
from spaner.result_tables import Table, interval_cell
from spaner_core.evaluation.intervals import intervals
from trials import fit, measure

FACTORS, LEVELS, STEPS = 8, 5, 60
HELD_OUT = 500
HELD_OUT_ROWS = 4
FIGURES = {
    "mean_item_recall@1": "things: R@1",
    "mean_item_mrr@10": "MRR",
    "mean_recall@1": "kinds: R@1",
    "mean_map": "mAP",
}
SYLLABLES = [a + b for a in "bcdfghjklmnprstvwz" for b in "aeiou"]
COLUMNS = ("modality", "input", "concept", "item", "split")
CONFIG = """\
space: space
data: {{manifest: manifest.csv}}
prompt: {{labels_from: text}}
modalities:
  text: {{}}
  sensor: {{encoder: {{sample_rate_hz: 10, window_s: 6.0, channels: [{channels}]}}}}
"""

Series = tuple[str, np.ndarray, str, str, str]
"""A text, a series (steps, channels), and what both show: concept, item, split."""


def make_pairs(count: int, random: np.random.Generator, *, kinds: bool) -> Iterator[Series]:
    """Make `count` training pairs, and 500 each of validation and test, of unseen items.

    With `kinds` the first two words are the pair's concept: 25 there are.
    """
    words = [[f"{a}{b}{c}" for c in "aeiou"] for a, b in zip("bdfgklmn", "rlrlwrys", strict=True)]
    curves = random.normal(size=(FACTORS, LEVELS, STEPS, 2)).cumsum(axis=2) * 0.3
    for number in range(count + 2 * HELD_OUT):
        levels = random.integers(0, LEVELS, FACTORS)
        series = np.concatenate([curves[k, level] for k, level in enumerate(levels)], axis=1)
        text = " ".join(words[k][level] for k, level in enumerate(levels))
        late = (number - count) // HELD_OUT
        split = "train" if number < count else ("validation", "test")[late]
        concept = " ".join(text.split()[:2]) if kinds else ""
        yield text, series + random.normal(size=series.shape) * 1.6, concept, f"i{number}", split


def make_concepts(count: int, rows: int, random: np.random.Generator) -> Iterator[Series]:
    """Make `rows` training rows of each of `count` concepts, and 4 each of validation and test."""
    common = [_word(random) for _ in range(200)]
    for number in range(count):
        name = f"{_word(random)}-{_word(random)}"
        own = [_word(random) for _ in range(6)]
        curve = random.normal(size=(STEPS, 6)).cumsum(axis=0) * 0.3
        for row in range(rows + 2 * HELD_OUT_ROWS):
            words = [*random.choice(own, 3, replace=False), *random.choice(common, 5)]
            late = (row - rows) // HELD_OUT_ROWS
            split = "train" if row < rows else ("validation", "test")[late]
            series = curve + random.normal(size=curve.shape) * 0.5
            yield f"{' '.join(words)} {number} {row}", series, name, "", split


def _word(random: np.random.Generator) -> str:
    return "".join(random.choice(SYLLABLES, random.integers(2, 5)))


def write_project(folder: Path, rows: Iterator[Series]) -> None:
    """Write texts and series with a manifest and a configuration."""
    (folder / "series").mkdir()
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for number, (text, series, *labels) in enumerate(rows):
            path = f"series/{number}.npy"
            np.save(folder / path, series.astype(np.float32))
            table.writerows([("text", text, *labels), ("sensor", path, *labels)])
    channels = ", ".join(f"c{k}" for k in range(series.shape[1]))
    config = folder / "plugins.yaml"
    config.write_text(CONFIG.format(channels=channels), encoding="utf-8")


def read_case(rows: Iterator[Series], name: str) -> Dataset:
    """Write a case, and read it into memory."""
    with tempfile.TemporaryDirectory() as place:
        write_project(Path(place), rows)
        return replace(read_project(Path(place) / "plugins.yaml"), name=name)


def cases(given: argparse.Namespace) -> Iterator[Dataset]:
    """Make what is asked for, one after the other."""
    for count in given.pairs:
        rows = make_pairs(count, np.random.default_rng(0), kinds=given.kinds)
        yield read_case(rows, f"{count:,} pairs" + (" of 25 kinds" if given.kinds else ""))
    for count in given.concepts:
        rows = make_concepts(count, given.rows, np.random.default_rng(0))
        yield read_case(rows, f"{count:,} concepts, {given.rows} rows each")


def main() -> None:
    """Make the cases, train on them and print their table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, nargs="*", default=())
    parser.add_argument("--concepts", type=int, nargs="*", default=())
    parser.add_argument("--kinds", action="store_true", help="pairs have a concept, too")
    parser.add_argument("--rows", type=int, default=16, help="training rows a concept")
    parser.add_argument("--split", choices=HELD_OUT_SPLITS, default="test")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="1 seed, 20 concepts")
    given = parser.parse_args()
    if given.quick:
        given.pairs, given.concepts, given.seeds = (), (20,), 1
    lines = [measure_case(case, seeds=given.seeds, split=given.split) for case in cases(given)]
    heads = ("case", "training rows", "steps", *FIGURES.values(), "CPU seconds")
    sys.stdout.write(as_section(Table(f"{given.split} rows, means of both ways", heads, lines)))


def measure_case(case: Dataset, *, seeds: int, split: str) -> list[str]:
    """Train once a seed; return the line of the case."""
    runs: dict[int, Mapping[str, float | None]] = {}
    start = time.process_time()
    for seed in range(seeds):
        progress(f"{case.name}, seed {seed}")
        space = fit(case, seed=seed)
        runs[seed] = measure(space, case.held_out[split])
    seconds = (time.process_time() - start) / seeds
    found, recipe = intervals(runs), space.record.recipe or {}
    return [
        case.name,
        f"{len(case.train[TEXT]):,}",
        f"{recipe['training']['max_steps']:,}",
        *(interval_cell(found.get(key)) for key in FIGURES),
        f"{seconds:.0f}",
    ]


if __name__ == "__main__":
    main()
