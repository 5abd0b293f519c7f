"""How many steps a training takes: as many as the data ask for, unless it is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from spaner_core.errors import ConfigError
from spaner_core.recipe import FEWEST_STEPS, MOST_STEPS, TrainingRecipe
from spaner_core.training.batches import settle_steps

from tests.core.training.synthetic import RECIPE, fit, synthetic, train_rows


@pytest.mark.parametrize(
    ("rows", "concepts", "steps"),
    [
        (1200, 10, 250),  # the digits
        (10, 10, 250),  # one labelled row a concept
        (5000, 0, 261),  # pairs
        (8000, 500, 1042),
        (16000, 1000, 2084),
        (10**7, 10, MOST_STEPS),
    ],
)
def test_steps_follow_rows_and_concepts_within_bounds(rows: int, concepts: int, steps: int) -> None:
    assert TrainingRecipe().following(rows=rows, concepts=concepts).max_steps == steps
    assert FEWEST_STEPS <= steps <= MOST_STEPS


def test_larger_batches_take_fewer_steps_and_a_given_number_stays() -> None:
    larger = TrainingRecipe(per_device_train_batch_size=192)
    assert larger.following(rows=16000, concepts=1000).max_steps == 1042
    given = TrainingRecipe(max_steps=7)
    assert given.following(rows=16000, concepts=1000) is given


def test_a_warmup_must_end_before_the_steps_that_the_rows_ask_for() -> None:
    long = TrainingRecipe(warmup_steps=260)
    assert long.following(rows=5000, concepts=0).max_steps == 261
    with pytest.raises(ConfigError, match=r"warmup_steps is 260, .* trained for 250 steps; "):
        long.following(rows=1200, concepts=10)


def test_rows_that_pull_nowhere_ask_for_no_steps() -> None:
    few = TrainingRecipe(per_device_train_batch_size=1)
    rows = {"first": synthetic("first", [0, 1] * 200, seed=0)}
    assert settle_steps(few, rows).max_steps == 5 * 400
    rows["first"].concepts[100:] = -1
    assert settle_steps(few, rows).max_steps == 5 * 100


def test_a_training_says_its_steps_first_and_the_space_records_them(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    small = replace(RECIPE.training, max_steps=None, per_device_train_batch_size=8)
    space = fit(train_rows(), recipe=replace(RECIPE, training=small)).space
    assert (space.record.recipe or {})["training"]["max_steps"] == 250
    said = [line for line in capfd.readouterr().err.splitlines() if "steps, about" in line]
    assert said
    assert said[0].startswith("250 steps, about ")
