"""Training and attaching are measured as they go, without changing what comes out."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.process import MAIN, Process, python, start

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]
Configure = Callable[..., None]
Refuses = Callable[..., str]

TRAIN = ("train", "text", "vision", "audio")


def log(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rewrite(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def without_validation(folder: Path, *names: str) -> None:
    rows = table(folder)
    rewrite(folder, [r for r in rows if r["split"] != "validation" or r["modality"] not in names])


def figures(spaner: Run, folder: Path) -> dict[str, Any]:
    result = spaner("evaluate", "--split", "validation", "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout))


def done(result: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert result.returncode == 0, result.stderr
    return result


def test_measuring_changes_no_byte_of_a_space(
    project: Path, attached_project: Path, spaner: Run, configure: Configure, tree: Tree
) -> None:
    pytest.importorskip("tensorboard")
    for key, value in (("eval_steps", 7), ("report_to", "tensorboard")):
        configure(project, value, "training", key)
    done(spaner(*TRAIN, "--quiet", cwd=project))
    done(spaner("attach", "sensor", "--quiet", cwd=project))
    assert tree(project / "space") == tree(attached_project / "space")
    for folder in (project / "space.training", project / "space.training/attach-sensor"):
        assert [row["step"] for row in log(folder)] == ["7", "14", "20"]
        assert len(list(folder.glob("events.out.tfevents.*"))) == 1


def test_the_last_figures_are_those_of_an_evaluation_of_the_validation_split(
    project: Path, spaner: Run, configure: Configure
) -> None:
    configure(project, 10, "training", "eval_steps")
    done(spaner(*TRAIN, "--quiet", cwd=project))
    last = log(project / "space.training")[-1]
    found = figures(spaner, project)
    assert float(last["mean_map"]) == pytest.approx(found["mean_map"], abs=1e-6)
    assert float(last["mean_recall@1"]) == pytest.approx(found["mean_recall@1"], abs=1e-6)
    done(spaner("attach", "sensor", "--quiet", cwd=project))
    last = log(project / "space.training/attach-sensor")[-1]
    found = figures(spaner, project)
    others = ("text", "vision", "audio")
    pairs = [found[f"{p}_to_{q}_map"] for o in others for p, q in ((o, "sensor"), ("sensor", o))]
    known = [value for value in pairs if value is not None]
    assert len(known) == 4  # no activity has images
    assert float(last["mean_map"]) == pytest.approx(sum(known) / 4, abs=1e-6)
    gaps = [found[f"{'_to_'.join(sorted((o, 'sensor')))}_modality_gap"] for o in others]
    assert float(last["mean_modality_gap"]) == pytest.approx(sum(gaps) / 3, abs=1e-6)
    assert [name for name in last if name.endswith("share")] == ["sensor_pull_share"]


def test_each_measurement_is_a_line_unless_quiet(
    project: Path, spaner: Run, configure: Configure
) -> None:
    configure(project, 10, "training", "eval_steps")
    said = done(spaner(*TRAIN, "--json", cwd=project))
    lines = [line for line in said.stderr.splitlines() if not line.startswith("note: ")]
    assert [line.split(":")[0] for line in lines] == ["step 10 of 20", "step 20 of 20"]
    notices = json.loads(said.stdout)["notices"]
    assert "figures of validation rows as training went on: space.training/log.csv" in notices
    assert done(spaner(*TRAIN, "--overwrite", "--quiet", cwd=project)).stderr == ""


def test_without_validation_rows_the_key_is_named_and_nothing_is_trained(
    project: Path, trained: Path, configure: Configure, refuses: Refuses
) -> None:
    for folder in (project, trained):
        configure(folder, 5, "training", "eval_steps")
        without_validation(folder, "text", "vision", "audio", "sensor")
    says = ("training.eval_steps is 5", "no usable rows of split 'validation'", "train, test")
    line = refuses(*TRAIN, cwd=project, says=says)
    assert line.startswith("error: plugins.yaml:")
    assert len(line.splitlines()) == 1
    refuses("attach", "sensor", cwd=trained, says=says)
    rows = [{k: v for k, v in row.items() if k != "split"} for row in table(project)]
    rewrite(project, rows)
    refuses(*TRAIN, cwd=project, says=("training.eval_steps is 5", "its splits are none"))


def test_modalities_without_validation_rows_are_left_out_of_the_figures(
    project: Path, spaner: Run, configure: Configure
) -> None:
    configure(project, 20, "training", "eval_steps")
    without_validation(project, "vision")
    said = done(spaner(*TRAIN, cwd=project))
    assert "note: 'vision' has no validation rows: these figures leave it out" in said.stderr
    (row,) = log(project / "space.training")
    assert "vision_pull_share" not in row
    assert row["mean_map"] != ""


def test_samples_that_are_trained_on_are_not_validation_rows(
    project: Path, spaner: Run, configure: Configure
) -> None:
    configure(project, 20, "training", "eval_steps")
    plain = Path(shutil.copytree(project, project.parent / "plain"))
    rows = table(project)
    trained = [row for row in rows if (row["modality"], row["split"]) == ("text", "train")]
    rewrite(project, [*rows, *({**row, "split": "validation"} for row in trained[:4])])
    said = done(spaner(*TRAIN, cwd=project))
    assert "4 validation rows of 'text' repeat samples that it trains on" in said.stderr
    done(spaner(*TRAIN, "--quiet", cwd=plain))
    assert log(project / "space.training") == log(plain / "space.training")


def test_the_test_split_is_not_looked_at(project: Path, spaner: Run, configure: Configure) -> None:
    configure(project, 10, "training", "eval_steps")
    configure(project, 1, "training", "early_stopping_patience")
    plain = Path(shutil.copytree(project, project.parent / "plain"))
    for row in table(project):
        if row["split"] == "test" and row["modality"] != "text":
            (project / row["input"]).unlink()
    for folder in (project, plain):
        done(spaner(*TRAIN, "--quiet", cwd=folder))
        done(spaner("attach", "sensor", "--quiet", cwd=folder))
    for traces in ("space.training", "space.training/attach-sensor"):
        assert log(project / traces) == log(plain / traces)


def test_without_tensorboard_nothing_is_trained(
    project: Path, configure: Configure, tree: Tree
) -> None:
    configure(project, 5, "training", "eval_steps")
    configure(project, "tensorboard", "training", "report_to")
    before = tree(project)
    without = "import sys; sys.modules |= dict.fromkeys(('tensorboard', 'tensorboardX')); "
    result = python(without + MAIN, "train", "text", "vision", cwd=project)
    assert result.returncode == 2, result.stderr
    (line,) = result.stderr.splitlines()
    assert "training.report_to needs tensorboard, which is not installed" in line
    assert "the extra `spaner[tensorboard]`, or remove that key" in line
    assert tree(project) == before


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
