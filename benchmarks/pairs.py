"""Thousands of pairs, hundreds of concepts: what training at the defaults makes of them.

    .venv/bin/python benchmarks/pairs.py --pairs 5000 --seeds 5
    .venv/bin/python benchmarks/pairs.py --concepts 500 --seeds 5
    .venv/bin/python benchmarks/pairs.py --concepts 1000 --seeds 5

All data are synthetic and made here: texts with series of 6 to 16 channels, read by the default
encoders. A pair is a text of eight words and a noisy series of eight curves, a curve a word; a
concept is a name, six words of its own and a curve. Retrieval both ways, with 95% t-intervals over
trainings that differ in their seed alone.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from digits import interval, progress
from spaner.project import Project
from spaner.splits import split_rows
from spaner.training.plan import labelled_rows, plan_training, prepare_material
from spaner_core.devices import one_thread
from spaner_core.evaluation.retrieval import retrieval_by_pair
from spaner_core.features.labelled import LabelledRows
from spaner_core.recipe import Recipe
from spaner_core.space.space import Space
from spaner_core.training.joint import fit_space
from spaner_core.training.material import Material
from spaner_registry.config.settings import read_config

FACTORS, LEVELS, STEPS = 8, 5, 60
HELD_OUT = 500
HELD_OUT_ROWS = 4
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


def write_project(folder: Path, rows: Iterator[Series]) -> Project:
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
    return Project(read_config(config), device="cpu")


def load(project: Project, split: str) -> tuple[Material, dict[str, LabelledRows]]:
    """Extract training rows, and those of a split, into memory."""
    plan = plan_training(project, tuple(project.config.modalities))
    material = prepare_material(project, plan)
    rows = {name: _in_memory(part) for name, part in material.rows.items()}
    held_out = {
        name: _in_memory(
            labelled_rows(
                project, name, split_rows(project.manifest, name, split), concepts=plan.concepts
            )
        )
        for name in rows
    }
    return material.with_rows(rows), held_out


def _in_memory(rows: LabelledRows) -> LabelledRows:
    return replace(rows, features=rows.features.load())


def measure(space: Space, rows: dict[str, LabelledRows]) -> dict[str, float]:
    """Measure retrieval both ways."""
    embeddings = {
        name: torch.from_numpy(space.embed(name, part.features)) for name, part in rows.items()
    }
    found = retrieval_by_pair(embeddings, {name: part.labels for name, part in rows.items()})
    return {
        name: float(found[name] or 0)
        for name in (
            "text_to_sensor_recall@1", "sensor_to_text_recall@1", "mean_recall@1", "mean_map"
        )
    }  # fmt: skip


def main() -> None:
    """Make a case, train on it and print its row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--concepts", type=int, default=0)
    parser.add_argument("--kinds", action="store_true", help="pairs have a concept, too")
    parser.add_argument("--rows", type=int, default=16, help="training rows a concept")
    parser.add_argument("--split", default="test")
    parser.add_argument("--seeds", type=int, default=5)
    chosen = parser.parse_args()
    random = np.random.default_rng(0)
    case = (
        make_pairs(chosen.pairs, random, kinds=chosen.kinds)
        if chosen.pairs
        else make_concepts(chosen.concepts, chosen.rows, random)
    )
    with tempfile.TemporaryDirectory() as name, one_thread():
        project = write_project(Path(name), case)
        material, held_out = load(project, chosen.split)
        runs, seconds = [], []
        for seed in range(chosen.seeds):
            progress(f"seed {seed}")
            recipe = Recipe()
            recipe = replace(recipe, training=replace(recipe.training, seed=seed))
            start = time.process_time()
            space = fit_space(material, recipe=recipe, device="cpu").space
            seconds.append(time.process_time() - start)
            runs.append(measure(space, held_out))
    cells = (f"{name} {interval([run[name] for run in runs])}" for name in runs[0])
    sys.stdout.write(
        f"{len(material.rows['text'])} rows a modality: {', '.join(cells)}; "
        f"{np.mean(seconds):.0f} s a training\n"
    )


if __name__ == "__main__":
    main()
