"""The baselines that SPANER is compared with: each does what its name says."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from baselines.methods import METHODS, OURS, WITH_ITEMS, WITH_MINILM, WITH_PAIRS
from baselines.search import Run, Trial, draw_trials, measure, tune
from baselines.tables import report
from baselines.task import draw_task
from datasets import TEXT, Dataset, load_dataset
from spaner_core.features.labelled import LabelledRows
from torch import Tensor

ROOT = Path(__file__).parents[1]
CONCEPT_COUNT = 10
CHANCE = 1 / CONCEPT_COUNT
SHUFFLED = 0.25  # ten classes of a few rows give some bijections more than their share


def usual(name: str) -> dict[str, Any]:
    return draw_trials({**METHODS, **WITH_MINILM}[name], 1)[0]


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What a quick comparison prints, and its raw figures."""
    figures = tmp_path_factory.mktemp("comparison") / "figures.json"
    command = [sys.executable, "benchmarks/compare.py", "--quick", "--json", str(figures)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, json.loads(figures.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_every_method_beats_chance_by_far_and_stands_in_the_tables(
    quick: tuple[str, dict[str, Any]], name: str
) -> None:
    page, raw = quick
    (reached,) = (r["figures"]["mean_recall@1"] for r in raw["runs"] if r["method"] == name)
    assert reached > 6 * CHANCE
    assert page.count(f"| {name} |") == (2 if name == OURS else 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_shuffled_labels_bring_every_method_to_chance(digits: Dataset, name: str) -> None:
    task = draw_task(digits, "test", shots=8, seed=0)
    generator = torch.Generator().manual_seed(0)
    rows = {key: shuffle_labels(part, generator) for key, part in task.rows.items()}
    shuffled = replace(task, dataset=task.dataset.with_train(rows))
    outcome = METHODS[name].fit(shuffled, usual(name))
    truth = digits.held_out["test"]
    hits = [
        (truth[b].concepts[nearest(x, y)] == truth[a].concepts).float().mean().item()
        for a, x in outcome.embeddings.items()
        for b, y in outcome.embeddings.items()
        if a != b
    ]
    assert np.mean(hits) < SHUFFLED


def shuffle_labels(rows: LabelledRows, generator: torch.Generator) -> LabelledRows:
    places = torch.nonzero(rows.concepts >= 0).flatten()
    concepts = rows.concepts.clone()
    concepts[places] = concepts[places[torch.randperm(len(places), generator=generator)]]
    return replace(rows, concepts=concepts)


def nearest(queries: Tensor, gallery: Tensor) -> Tensor:
    unit = torch.nn.functional.normalize
    return (unit(queries, dim=1) @ unit(gallery, dim=1).T).argmax(dim=1)


def test_a_task_shows_as_many_labels_as_shots_and_none_of_what_is_embedded(
    digits: Dataset,
) -> None:
    task = draw_task(digits, "validation", shots=2, seed=3)
    for rows in task.rows.values():
        known = rows.concepts[rows.concepts >= 0]
        assert torch.bincount(known).tolist() == [2] * CONCEPT_COUNT
        assert len(rows) > len(known)
    assert not any(hasattr(rows, "concepts") for rows in task.shown.values())
    assert not task.dataset.held_out
    assert len(task.written) == len(task.shown[TEXT])


@pytest.mark.slow
def test_pairs_train_one_method_and_no_other(tmp_path: Path) -> None:
    emoji = load_dataset("emoji", quick=True, folder=tmp_path)
    task = draw_task(emoji, "test", shots=1, seed=0)
    assert all((rows.items < 0).all() for rows in task.rows.values())
    alone = METHODS[OURS].fit(task, usual(OURS))
    paired = WITH_ITEMS[WITH_PAIRS].fit(task, usual(OURS))
    assert not torch.equal(alone.embeddings[TEXT], paired.embeddings[TEXT])


def test_settings_are_chosen_without_the_test_split(digits: Dataset) -> None:
    blind = replace(digits, held_out={"validation": digits.held_out["validation"]})
    method = METHODS["nearest class mean"]
    tried = tune("nearest class mean", method, blind, trials=6)
    assert len(tried) == 6
    assert all(len(trial.scores) == 2 for trial in tried)
    with pytest.raises(KeyError):
        measure("", method, tried[0].settings, blind, split="test", shots=1, seed=0)


def test_trials_begin_with_the_usual_settings_and_never_repeat() -> None:
    for method in METHODS.values():
        trials = draw_trials(method, 6)
        assert trials[0] == {name: values[0] for name, values in method.grid.items()}
        different = len({tuple(trial.values()) for trial in trials})
        every = math.prod(map(len, method.grid.values()))
        assert (
            different == len(trials) == (every if method.closed_form else 3 if method.known else 6)
        )
        assert trials == draw_trials(method, 6)


def test_the_tables_say_where_a_baseline_wins() -> None:
    def run(method: str, seed: int, recall: float, precision: float) -> Run:
        figures = {"mean_recall@1": recall, "mean_map": precision}
        return Run(method=method, shots=1, seed=seed, seconds=1.0, parameters=1000, figures=figures)

    runs = [run(OURS, seed, 0.7 + seed / 100, 0.6 + seed / 50) for seed in range(3)]
    runs += [run("rival", seed, 0.8 + seed / 100, 0.5 + seed / 50) for seed in range(3)]
    tried = {1: (0.5, 0.7), 2: (0.7, 0.8)}
    trials = [Trial(settings={"depth": d}, scores=scores) for d, scores in tried.items()]
    page = report(runs, {OURS: trials[:1], "rival": trials}, what="things")
    assert "- against **rival**: R@1 **loses** at 1; mAP wins at 1" in page
    assert "| rival | -0.100 ±0.000 / +0.100 ±0.000 |" in page
    assert "| things, 1 shot | R@1 | 0.710 ±0.025 | rival | 0.810 ±0.025 |" in page
    assert "| rival | 2 | depth 2 | 0.600, 0.750 |" in page
    alone = report([r for r in runs if r.seed == 0], {OURS: trials, "rival": trials}, what="")
    assert "run more" in alone
