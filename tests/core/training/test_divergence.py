"""Trainings whose numbers cease to be finite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from spaner_core.errors import ConfigError
from spaner_core.features.labelled import LabelledRows
from spaner_core.recipe import MonitoringRecipe, Recipe
from spaner_core.training.attached import fit_attached
from spaner_core.training.batches import StepBatches
from spaner_core.training.monitoring import Monitor
from spaner_core.training.validation import Validation

from tests.core.training.synthetic import (
    RECIPE,
    build,
    train,
    train_rows,
)


def recipe(**training: float) -> Recipe:
    return replace(RECIPE, training=replace(RECIPE.training, **training))


FAST = recipe(learning_rate=1e30)  # weights overflow in the second step that has a learning rate


def stopped(
    rows: dict[str, LabelledRows],
    given: Recipe,
    folder: Path | None,
    validation: Validation | None = None,
) -> str:
    monitoring = MonitoringRecipe(eval_steps=1 if validation else None)
    monitor = Monitor(folder=folder, recipe=monitoring, validation=validation) if folder else None
    with pytest.raises(ConfigError) as caught:
        train(rows, recipe=given, monitor=monitor)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_loss_that_is_not_finite_stops_the_training_and_its_batch_is_kept(
    tmp_path: Path,
) -> None:
    rows = train_rows()
    said = stopped(rows, FAST, tmp_path / "traces")
    path = tmp_path / "traces/failed-batch.safetensors"
    assert said == (
        "training stopped at step 3 of 40: the loss is nan, embeddings of 'first', 'second' are "
        "not finite; expected finite numbers; lower training.learning_rate, which is 1e+30, or "
        f"look at the features: {path} holds the batch"
    )
    kept = load_file(path)
    assert int(kept.pop("step")) == 3
    batch = StepBatches(rows, {}, FAST.training)[2]
    assert len(kept) == 8
    for name, parts in batch.items():
        for part, tensor in parts.items():
            assert torch.equal(kept[f"{name}.{part}"], tensor)
    assert [path.name for path in path.parent.iterdir()] == [path.name]


def test_the_modality_whose_embeddings_are_broken_is_named(tmp_path: Path) -> None:
    rows = train_rows()
    values = rows["second"].features.load().values.clone()
    values[5] = float("inf")
    rows["second"] = replace(
        rows["second"], features=replace(rows["second"].features.load(), values=values)
    )
    said = stopped(rows, RECIPE, tmp_path)
    assert "step 1 of 40: the loss is nan, embeddings of 'second' are not finite" in said


def test_validation_rows_that_cannot_be_embedded_stop_it_too(tmp_path: Path) -> None:
    held = train_rows(12, seed=1000)
    values = held["first"].features.load().values.clone()
    values[3] = float("nan")
    held["first"] = replace(
        held["first"], features=replace(held["first"].features.load(), values=values)
    )
    validation = Validation(rows=held, strength=0.5)
    said = stopped(train_rows(), RECIPE, tmp_path, validation)
    assert "step 1 of 40: embeddings of 'first' are not finite on validation rows" in said


def test_weights_that_the_last_step_breaks_are_noticed(tmp_path: Path) -> None:
    said = stopped(train_rows(), recipe(max_steps=1, warmup_steps=0, learning_rate=1e39), tmp_path)
    assert "step 1 of 1: weights of 'first', 'second', 'prompt' are not finite" in said
    assert int(load_file(tmp_path / "failed-batch.safetensors")["step"]) == 1


def test_without_a_folder_or_one_that_can_be_written_the_error_is_the_same(tmp_path: Path) -> None:
    said = stopped(train_rows(), FAST, None)
    assert said.startswith("training stopped at step 3 of 40: the loss is nan")
    assert said.endswith("look at the features")
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    said = stopped(train_rows(), FAST, tmp_path / "file/traces")
    assert said.startswith("training stopped at step 3 of 40: the loss is nan")
    assert "the batch could not be kept: " in said


def test_an_attachment_that_diverges_stops_as_well(tmp_path: Path) -> None:
    prompt = train(train_rows()).prompt
    monitor = Monitor(folder=tmp_path, recipe=MonitoringRecipe(), validation=None)
    with pytest.raises(ConfigError, match=r"step 3 of 40: the loss is nan, .* 'third' are not"):
        fit_attached(
            "third", lambda: build("third"), train_rows(names="third")["third"], prompt,
            recipe=FAST, device="cpu", monitor=monitor,
        )  # fmt: skip
    kept = set(load_file(tmp_path / "failed-batch.safetensors"))
    assert kept == {"step", *(f"third.{x}" for x in ("features", "mask", "concepts", "items"))}
