"""Every part of the method that the ablation names can be switched off, and comes back."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from datasets import Dataset, load_dataset
from parts import PARTS, WHOLE
from spaner_core.features.labelled import LabelledRows
from torch import Tensor
from trials import embed, fit, pair_at_random

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """A part of the digits, some rows of which show the very same thing."""
    digits = load_dataset("digits")
    paired = pair_at_random(digits, 0).train
    return digits.with_train(
        {name: some(replace(rows, items=paired[name].items)) for name, rows in digits.train.items()}
    )


def some(rows: LabelledRows) -> LabelledRows:
    return rows.take(torch.arange(0, len(rows), 3))


def trained(dataset: Dataset, name: str) -> dict[str, Tensor]:
    part = PARTS[name]
    recipe = part.recipe()
    recipe = replace(recipe, training=replace(recipe.training, max_steps=3))
    with part.off():
        space = fit(part.dataset(dataset), seed=0, recipe=recipe)
        return embed(space, dataset.held_out["validation"], None)


@pytest.fixture(scope="module")
def whole(dataset: Dataset) -> dict[str, Tensor]:
    return trained(dataset, WHOLE)


@pytest.mark.parametrize("name", [name for name in PARTS if name != WHOLE])
def test_a_part_that_is_off_changes_what_comes_out(
    dataset: Dataset, whole: dict[str, Tensor], name: str
) -> None:
    without = trained(dataset, name)
    assert any(not torch.equal(without[other], whole[other]) for other in whole)


def test_all_parts_are_on_again_afterwards(dataset: Dataset, whole: dict[str, Tensor]) -> None:
    again = trained(dataset, WHOLE)
    assert all(torch.equal(again[other], whole[other]) for other in whole)


@pytest.mark.parametrize("script", ["ablation", "classifiers"])
def test_its_benchmarks_run_on_the_kept_emoji(script: str) -> None:
    command = [sys.executable, f"benchmarks/{script}.py", "--quick", "--data", "emoji"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "things MRR" in ended.stdout
