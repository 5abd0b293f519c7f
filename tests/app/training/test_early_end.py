"""Trainings that end early: stopped, diverged, refused or killed, and what they leave."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.app.training.logs import TRAIN, done, figures, log
from tests.process import Process, start

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]
Configure = Callable[..., None]
Refuses = Callable[..., str]


def test_early_stopping_keeps_the_best_state_and_is_recorded(
    project: Path, spaner: Run, configure: Configure
) -> None:
    settings = {"eval_steps": 2, "early_stopping_patience": 2, "max_steps": 60}
    for key, value in {**settings, "learning_rate": 0.1}.items():
        configure(project, value, "training", key)
    said = done(spaner(*TRAIN, cwd=project))
    rows = log(project / "space.training")
    best = max(rows, key=lambda row: float(row["mean_map"]))
    assert rows.index(best) == len(rows) - 3
    assert f"at step {best['step']}: that state is kept" in said.stderr
    found = figures(spaner, project)
    gaps = [v for k, v in found.items() if k.endswith("_modality_gap")]
    assert sum(gaps) / 3 == pytest.approx(float(best["mean_modality_gap"]), abs=1e-6)
    for part in ("prompt", "aligners/text"):
        record = json.loads((project / "space" / part / "config.json").read_text("utf-8"))
        training = record["recipe"]["training"] if part == "prompt" else record["training"]
        assert {name: training[name] for name in settings} == settings
        assert "report_to" not in training


def test_a_training_takes_the_steps_that_check_has_said(
    quick: Path, spaner: Run, configure: Configure, refuses: Refuses
) -> None:
    for key, value in {"max_steps": None, "per_device_train_batch_size": 2}.items():
        configure(quick, value, "training", key)
    configure(quick, 400, "training", "warmup_steps")
    refuses("check", cwd=quick, says=("warmup_steps is 400", "are trained for 400 steps"))
    for key, value in {"warmup_steps": 2, "eval_steps": 150}.items():
        configure(quick, value, "training", key)
    said = json.loads(done(spaner("check", "--json", cwd=quick)).stdout)
    done(spaner("train", "--quiet", cwd=quick))
    rows = log(quick / "space.training")
    assert [row["step"] for row in rows] == ["150", "300", "400"]
    record = json.loads((quick / "space/prompt/config.json").read_text("utf-8"))
    assert said["steps"] == record["recipe"]["training"]["max_steps"] == 400


def test_early_stopping_without_anything_to_wait_for_is_refused(
    project: Path, configure: Configure, refuses: Refuses
) -> None:
    configure(project, 5, "training", "eval_steps")
    configure(project, 2, "training", "early_stopping_patience")
    refuses("train", "text", cwd=project, says=("training.early_stopping_patience is 2", "no mAP"))


def test_a_training_that_diverges_writes_nothing_but_its_traces(
    project: Path, spaner: Run, configure: Configure, tree: Tree
) -> None:
    configure(project, 5, "training", "eval_steps")
    done(spaner(*TRAIN, "--quiet", cwd=project))
    done(spaner("attach", "sensor", "--quiet", cwd=project))
    configure(project, 1e30, "training", "learning_rate")
    configure(project, 1, "training", "eval_steps")
    before, traces = tree(project / "space"), tree(project / "space.training")
    for command, home in (
        ((*TRAIN, "--overwrite"), "space.training"),
        (("attach", "sensor", "--replace"), "space.training/attach-sensor"),
    ):
        result = spaner(*command, "--quiet", cwd=project)
        assert (result.returncode, result.stdout) == (2, "")
        (line,) = result.stderr.splitlines()
        assert line.startswith("error: training stopped at step ")
        assert "lower training.learning_rate, which is 1e+30" in line
        (told,) = re.findall(rf"({home}/unfinished-\d+/failed-batch\.safetensors) holds", line)
        kept = load_file(project / told)
        step = int(kept["step"])
        assert f"at step {step} of 20: " in line
        folder = (project / told).parent
        assert [int(row["step"]) for row in log(folder)] == list(range(1, step))
        assert {"features", "mask", "concepts", "items"} == {
            name.split(".")[1] for name in kept if name != "step"
        }
        assert tree(project / "space") == before
        assert traces.items() <= tree(project / "space.training").items()
    configure(project, 2e-3, "training", "learning_rate")
    done(spaner(*TRAIN, "--overwrite", "--quiet", cwd=project))
    assert [path.name for path in (project / "space.training").iterdir()] == ["log.csv"]


def stop_after(process: Process, rows: int, folder: Path) -> None:
    """Stop a training when its log has so many rows and it is about to write the next."""
    written = ((folder / "log.csv").exists() and len(log(folder)) for _ in process.stops())
    assert rows in written, process.end()


def test_a_training_that_is_refused_at_its_end_leaves_the_log_of_the_space_that_is_there(
    project: Path, spaner: Run, configure: Configure
) -> None:
    configure(project, 8, "training", "max_steps")
    configure(project, 1, "training", "eval_steps")
    slow = start(*TRAIN, "--quiet", cwd=project, stops="log.csv")
    aside = project / f"space.training/unfinished-{slow.pid}"
    stop_after(slow, 3, aside)
    configure(project, 4, "training", "max_steps")
    done(spaner(*TRAIN, "--quiet", cwd=project))
    ended = slow.end()
    assert ended.returncode == 2
    assert "holds a space already" in ended.stderr
    assert [row["step"] for row in log(project / "space.training")] == ["1", "2", "3", "4"]
    assert len(log(aside)) == 8


def test_the_log_of_a_killed_training_can_be_read(project: Path, configure: Configure) -> None:
    configure(project, 2, "training", "eval_steps")
    process = start(*TRAIN, "--quiet", cwd=project, stops="log.csv")
    aside = project / f"space.training/unfinished-{process.pid}"
    stop_after(process, 5, aside)
    process.kill()
    rows = log(aside)
    assert [row["step"] for row in rows] == ["2", "4", "6", "8", "10"]
    assert all(float(row["mean_map"]) > 0 for row in rows)
    assert not (project / "space").exists()
