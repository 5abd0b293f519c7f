"""A search that goes on: no trial twice, none from other data, and trials that diverge."""

from __future__ import annotations

import csv
import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.process import MAIN, python, start

Run = Callable[..., subprocess.CompletedProcess[str]]

SET_TRIAL_USER_ATTR = 8
"""How optuna's file marks a line with a trial's setting."""

DIVERGING = {"max_steps": 12, "warmup_steps": 2, "learning_rate": 1e-4, "weight_decay": 6e4}
"""A decay by more than the weights themselves wherever a trial's learning rate is high."""


@pytest.fixture
def project(quick: Path) -> Path:
    return quick


def tuned(spaner: Run, folder: Path, *more: object) -> dict[str, Any]:
    result = spaner("tune", "--json", "--overwrite", *more, cwd=folder)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def settings_tried(folder: Path) -> dict[int, tuple[float, ...]]:
    """Each trial's settings but the strength, which is chosen after the training."""
    lines = (folder / "space.tuning" / "study.jsonl").read_text(encoding="utf-8").splitlines()
    found = {}
    for entry in map(json.loads, lines):
        if entry["op_code"] == SET_TRIAL_USER_ATTR:
            given = entry["user_attr"]["setting"]
            found[entry["trial_id"]] = tuple(v for k, v in given.items() if k != "strength")
    return found


def test_two_calls_try_what_one_would_and_nothing_twice(project: Path, spaner: Run) -> None:
    at_once = shutil.copytree(project, project.with_name("at-once"))
    tuned(spaner, at_once, "--trials", 4)
    tuned(spaner, project, "--trials", 2)
    tuned(spaner, project, "--trials", 4)
    tried = settings_tried(project)
    assert len(set(tried.values())) == 4
    assert tried == settings_tried(at_once)


def test_it_is_said_that_a_search_goes_on(project: Path, spaner: Run) -> None:
    first = spaner("tune", "--trials", 1, cwd=project)
    assert "goes on" not in first.stderr
    second = spaner("tune", "--trials", 1, "--overwrite", cwd=project)
    assert "the search goes on from 1 trial in space.tuning" in second.stderr


def test_trials_on_other_inputs_or_names_are_not_mixed_in(project: Path, spaner: Run) -> None:
    def counts() -> tuple[int, int]:
        report = tuned(spaner, project, "--trials", 1)
        return report["trials"], report["new_trials"]

    assert counts() == (1, 1)
    with (project / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["modality"] == "vision"]
    one, other = [project / row["input"] for row in rows if row["split"] == "train"][:2]
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    assert counts() == (1, 1)
    one.write_bytes(content)
    assert counts() == (1, 0)
    with (project / "labels.csv").open("a", encoding="utf-8") as labels:
        labels.write("one,a single thing\n")
    assert counts() == (1, 1)


def test_a_trial_that_diverges_is_counted_and_the_search_goes_on(
    project: Path, spaner: Run, configure: Callable[..., None]
) -> None:
    configure(project, DIVERGING, "training")
    result = spaner("tune", "--trials", 6, "--json", cwd=project)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["trials"] == report["new_trials"] == 6
    assert 0 < report["diverged"] < 6
    assert re.search(rf"{report['diverged']} trials? diverged", result.stderr)
    again = spaner("tune", "--trials", 6, "--overwrite", "--quiet", cwd=project)
    assert (again.returncode, again.stderr) == (0, "")
    assert "0 of them new" in again.stdout


def test_trials_that_diverge_leave_nothing_on_a_quiet_terminal(
    project: Path, spaner: Run, configure: Callable[..., None]
) -> None:
    configure(project, DIVERGING, "training")
    result = spaner("tune", "--trials", 6, "--quiet", cwd=project)
    assert (result.returncode, result.stderr) == (0, "")


def test_an_interrupted_search_says_one_line(project: Path) -> None:
    process = start("tune", "--trials", 500, "--quiet", cwd=project, stops="study.jsonl")
    study = project / "space.tuning" / "study.jsonl"
    assert any(study.exists() and '"setting"' in study.read_text() for _ in process.stops())
    process.send_signal(signal.SIGINT)
    ended = process.end()
    assert (ended.stdout, ended.stderr) == ("", "stopped by SIGINT; nothing was half-written\n")
    assert ended.returncode == -signal.SIGINT


@pytest.mark.parametrize(
    "content", ["garbage\n", "garbage", '{"a":1}\n', "[1]\n", '{"op_code":4}\n']
)
def test_a_damaged_study_is_named_and_left_as_it_is(
    project: Path, refuses: Callable[..., str], content: str
) -> None:
    study = project / "space.tuning" / "study.jsonl"
    study.parent.mkdir()
    study.write_text(content, encoding="utf-8")
    said = refuses(
        "tune", "--trials", 1, cwd=project, says=("study.jsonl cannot be read", "remove")
    )
    assert sum(line.startswith("error: ") for line in said.splitlines()) == 1


def test_a_study_that_is_no_file_is_named(project: Path, refuses: Callable[..., str]) -> None:
    study = project / "space.tuning" / "study.jsonl"
    study.parent.mkdir()
    study.symlink_to("/dev/null")
    refuses("tune", "--trials", 1, cwd=project, says=("study.jsonl", "device"))


def test_a_study_that_was_cut_off_in_a_line_loses_that_line_alone(
    project: Path, spaner: Run
) -> None:
    first = spaner("tune", "--trials", 2, "--json", cwd=project)
    assert first.returncode == 0, first.stderr
    with (project / "space.tuning" / "study.jsonl").open("a", encoding="utf-8") as study:
        study.write('{"op_code":')
    again = spaner("tune", "--trials", 2, "--json", "--overwrite", cwd=project)
    assert again.returncode == 0, again.stderr
    told, before = json.loads(again.stdout), json.loads(first.stdout)
    assert (told["trials"], told["new_trials"]) == (2, 0)
    assert told["best_map"] == before["best_map"]


def test_without_optuna_nothing_is_extracted(
    project: Path, tree: Callable[[Path], dict[str, str]]
) -> None:
    before = tree(project)
    without = "import sys; sys.modules['optuna'] = None; "
    result = python(without + MAIN, "tune", cwd=project)
    assert result.returncode == 2, result.stderr
    (line,) = result.stderr.splitlines()
    assert "the extra `spaner[tune]`" in line
    assert tree(project) == before
