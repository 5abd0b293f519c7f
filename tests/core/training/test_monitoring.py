"""What a training leaves behind as it goes, and when it ends early."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from spaner_core.files.locks import locked
from spaner_core.recipe import MonitoringRecipe, Recipe
from spaner_core.space.space import Space
from spaner_core.training.attached import fit_attached
from spaner_core.training.monitoring import Monitor, replacing_traces
from spaner_core.training.validation import SettledRows, Validation

from tests.core.training.synthetic import (
    RECIPE,
    aligners,
    build,
    embed,
    state,
    synthetic,
    train,
    train_rows,
)

HASTY = replace(RECIPE, training=replace(RECIPE.training, learning_rate=0.1))
"""Reaches the best mAP after a few steps, and goes on changing."""


def watch(folder: Path, **given: Any) -> Monitor:
    validation = Validation(rows=train_rows(40, seed=1000), strength=0.5)
    return Monitor(folder=folder, recipe=MonitoringRecipe(**given), validation=validation)


def watched(monitor: Monitor | None, recipe: Recipe = RECIPE) -> Space:
    return train(train_rows(), recipe=recipe, monitor=monitor)


def log(folder: Path) -> list[dict[str, float]]:
    with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def states(trained: Space) -> list[dict[str, bytes]]:
    return [state(trained.prompt), *(state(aligner) for aligner in aligners(trained).values())]


def figures(trained: Space, monitor: Monitor) -> dict[str, float | None]:
    assert monitor.validation is not None
    return monitor.validation.figures(monitor.validation.embed(aligners(trained), trained.prompt))


def test_measuring_changes_no_byte_of_what_is_trained(tmp_path: Path) -> None:
    plain = watched(None)
    for folder, given in (("a", {"eval_steps": 1}), ("b", {"eval_steps": 7})):
        assert states(watched(watch(tmp_path / folder, **given))) == states(plain)
    assert log(tmp_path / "a")[-1]["mean_map"] == log(tmp_path / "b")[-1]["mean_map"]


def test_the_log_has_a_row_every_so_many_steps_and_one_of_the_end(tmp_path: Path) -> None:
    monitor = watch(tmp_path, eval_steps=15)
    trained = watched(monitor)
    rows = log(tmp_path)
    assert [row["step"] for row in rows] == [15, 30, 40]
    assert list(rows[0])[:5] == ["step", "loss", "learning_rate", "mean_map", "mean_recall@1"]
    assert list(rows[0])[5:] == [
        "mean_modality_gap", "mean_matched_cosine", "first_pull_share", "second_pull_share",
    ]  # fmt: skip
    assert {name: rows[-1][name] for name in list(rows[0])[3:]} == figures(trained, monitor)
    assert rows[0]["loss"] > rows[2]["loss"] > 0
    assert RECIPE.training.learning_rate > rows[0]["learning_rate"] > rows[1]["learning_rate"]


def test_a_training_on_items_alone_is_measured_as_its_space_is_searched(tmp_path: Path) -> None:
    rows, held = (
        {name: synthetic(name, [], seed=seed, items=range(24)) for name in ("first", "second")}
        for seed in (1, 2)
    )
    kinds = Validation(rows=held, strength=0.5)
    monitor = Monitor(folder=tmp_path, recipe=MonitoringRecipe(eval_steps=40), validation=kinds)
    trained = train(rows, monitor=monitor)
    for name in trained.modalities:
        trained.aligner(name).item_gain = 0.0  # maps of items join when training is over
    found = [figures(trained, monitor.at(strength))["mean_map"] for strength in (0.0, 0.5)]
    assert log(tmp_path)[-1]["mean_map"] == found[0] != found[1]


def test_losses_in_the_log_are_means_since_the_row_before(tmp_path: Path) -> None:
    watched(watch(tmp_path / "each", eval_steps=1))
    watched(watch(tmp_path / "ten", eval_steps=10))
    each = [row["loss"] for row in log(tmp_path / "each")]
    for number, row in enumerate(log(tmp_path / "ten")):
        assert row["loss"] == pytest.approx(sum(each[number * 10 : number * 10 + 10]) / 10)


@pytest.mark.parametrize("patience", [3, 100])
def test_the_best_state_is_kept_whether_or_not_training_ended_early(
    tmp_path: Path, patience: int
) -> None:
    monitor = watch(tmp_path, eval_steps=2, early_stopping_patience=patience)
    trained = watched(monitor, HASTY)
    rows = log(tmp_path)
    best = max(row["mean_map"] for row in rows)
    place = [row["mean_map"] for row in rows].index(best)
    assert len(rows) == (place + 4 if patience == 3 else 20)
    kept = figures(trained, monitor)
    assert kept == {name: rows[place][name] for name in kept}
    assert kept["mean_modality_gap"] != rows[-1]["mean_modality_gap"]


def test_a_training_that_gains_to_the_end_is_not_changed_by_early_stopping(tmp_path: Path) -> None:
    patient = watched(watch(tmp_path, eval_steps=4, early_stopping_patience=1))
    rows = [row["mean_map"] for row in log(tmp_path)]
    assert rows == sorted(set(rows)), "each measurement was to be better than the one before"
    assert states(patient) == states(watched(None))


def test_a_training_whose_steps_follow_the_data_is_measured_and_may_end_early(
    tmp_path: Path,
) -> None:
    many = replace(HASTY.training, max_steps=None, per_device_train_batch_size=4)
    recipe = replace(HASTY, training=many)
    watched(watch(tmp_path / "whole", eval_steps=140), recipe)
    whole = log(tmp_path / "whole")
    assert [row["step"] for row in whole] == [140, 280, 300]  # 200 times 6 concepts, in fours
    assert whole[-1]["learning_rate"] < 1e-4 < whole[-2]["learning_rate"]
    monitor = watch(tmp_path / "ended", eval_steps=10, early_stopping_patience=3)
    trained = watched(monitor, recipe)
    ended = log(tmp_path / "ended")
    best = max(ended, key=lambda row: row["mean_map"])
    assert ended[-1]["step"] == best["step"] + 30 < 300
    kept = figures(trained, monitor)
    assert kept == {name: best[name] for name in kept}
    assert (trained.record.recipe or {})["training"]["max_steps"] == 300


def test_an_attached_modality_is_measured_with_those_that_are_there(tmp_path: Path) -> None:
    trained, held = train(train_rows()), train_rows(40, seed=1000, names="first third")
    settled = SettledRows(
        embeddings=embed(trained, "first", held["first"]), labels=held["first"].labels
    )
    validation = Validation(rows={"third": held["third"]}, strength=0.5, settled={"first": settled})
    monitor = Monitor(
        folder=tmp_path, recipe=MonitoringRecipe(eval_steps=10), validation=validation
    )
    attach = partial(
        fit_attached, "third", partial(build, "third"), train_rows(names="third")["third"],
        trained.prompt, recipe=RECIPE, device="cpu",
    )  # fmt: skip
    before = states(trained)
    aligner, plain = attach(monitor=monitor), attach()
    assert state(aligner) == state(plain)
    assert states(trained) == before
    rows = log(tmp_path)
    assert [row["step"] for row in rows] == [10, 20, 30, 40]
    assert rows[-1]["mean_map"] > max(0.9, rows[0]["mean_map"])
    assert list(rows[0])[7:] == ["third_pull_share"]


def test_a_saved_training_replaces_traces_and_nothing_else_in_the_folder(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    traces = ["log.csv", "failed-batch.safetensors", "events.out.tfevents.1.host.2.0"]
    running = f"unfinished-{os.getpid()}"  # in another container, where numbers are the same
    kept = ["notes.txt", "data/log.csv", "attach-third/notes.txt", f"{running}/log.csv"]
    failed = [f"{place}unfinished-{gone.pid}/log.csv" for place in ("", "attach-third/")]
    old = [*traces, "attach-third/log.csv", "attach-other/log.csv", *failed]
    for name in (*kept, *old):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("old", encoding="utf-8")
    with (
        locked(tmp_path / running) as at_work,
        replacing_traces(replace(watch(tmp_path), validation=None)) as aside,
    ):
        watched(aside)
    assert at_work
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {*kept, "data", "attach-third", running}
    with replacing_traces(watch(tmp_path, eval_steps=20)) as aside:
        watched(aside)
        assert not (tmp_path / "log.csv").exists()
    assert len(log(tmp_path)) == 2
    assert not aside.folder.exists()
    assert not (tmp_path / running).exists(), "it has ended without being saved"


def test_what_was_trained_and_not_saved_touches_no_trace_of_the_training_before(
    tmp_path: Path,
) -> None:
    with replacing_traces(watch(tmp_path, eval_steps=20)) as aside:
        watched(aside)
    before = (tmp_path / "log.csv").read_bytes()

    def train_in_vain(monitor: Monitor) -> None:
        with replacing_traces(monitor) as aside:
            watched(aside)
            raise OSError("the disk is full")

    for steps in (10, 5):
        with pytest.raises(OSError, match="disk is full"):
            train_in_vain(watch(tmp_path, eval_steps=steps))
        assert (tmp_path / "log.csv").read_bytes() == before
        assert len(log(tmp_path / f"unfinished-{os.getpid()}")) == 40 // steps


def test_without_figures_no_folder_is_made(tmp_path: Path) -> None:
    watched(replace(watch(tmp_path / "traces"), validation=None))
    assert not (tmp_path / "traces").exists()


def test_each_measurement_is_a_line_on_standard_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    watched(watch(tmp_path, eval_steps=20, early_stopping_patience=5))
    said = capfd.readouterr()
    assert said.out == ""
    outlook, first, second, third = said.err.splitlines()
    assert outlook.startswith("40 steps, about ")
    row = log(tmp_path)[0]
    assert first.startswith(
        f"step 20 of 40: loss {row['loss']:.3f}, mean_map {row['mean_map']:.3f}"
    )
    assert first.endswith(f"second_pull_share {row['second_pull_share']:.3f}")
    assert second.startswith("step 40 of 40: loss ")
    assert third.startswith("best mean_map 0.9")
    assert third.endswith(" at step 40: that state is kept")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    watched(watch(tmp_path, eval_steps=20, early_stopping_patience=5))
    assert capfd.readouterr() == ("", "")


def test_tensorboard_gets_what_the_log_gets(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trained = watched(watch(tmp_path, eval_steps=20, report_to="tensorboard"))
    assert states(trained) == states(watched(None))
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    names = {"train/loss": "loss", "train/learning_rate": "learning_rate"}
    names |= {f"eval/{name}": name for name in list(log(tmp_path)[0])[3:]}
    for tag, column in names.items():
        shown = [(event.step, pytest.approx(event.value)) for event in events.Scalars(tag)]
        assert [(row["step"], row[column]) for row in log(tmp_path)] == shown


def test_what_makes_no_sense_is_refused_and_only_what_decides_is_recorded() -> None:
    for wrong in (
        {"eval_steps": 0},
        {"eval_steps": 5, "early_stopping_patience": 0},
        {"early_stopping_patience": 2},
        {"report_to": "tensorboard"},
    ):
        with pytest.raises(ValueError, match=list(wrong)[-1]):
            MonitoringRecipe(**wrong)  # type: ignore[arg-type]
    assert MonitoringRecipe(eval_steps=5, report_to="tensorboard").deciding == {}
    stopping = {"eval_steps": 5, "early_stopping_patience": 2}
    assert MonitoringRecipe(**stopping).deciding == stopping  # type: ignore[arg-type]
