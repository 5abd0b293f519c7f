"""Training and attaching are measured as they go, without changing what comes out."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.training.logs import TRAIN, done, figures, log
from tests.process import MAIN, python

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]
Configure = Callable[..., None]
Refuses = Callable[..., str]


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
    assert lines[0].startswith("20 steps, about ")
    assert [line.split(":")[0] for line in lines[1:]] == ["step 10 of 20", "step 20 of 20"]
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
