"""Choosing settings: within a budget, resumable, never on the test split, and reproducible."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from spaner.experiments.tuned_settings import given_setting, write_tuned
from spaner.project import Project
from spaner_registry.config.settings import read_config

from tests.process import start

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(quick: Path) -> Path:
    return quick


def tuned(spaner: Run, folder: Path, *more: object) -> dict[str, Any]:
    result = spaner("tune", "--json", *more, cwd=folder)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def validation_map(spaner: Run, folder: Path, config: str) -> float:
    """Train on a configuration, and measure the space."""
    trained = spaner("train", "-c", config, "--quiet", cwd=folder)
    assert trained.returncode == 0, trained.stderr
    figures = spaner("evaluate", "-c", config, "--split", "validation", "--json", cwd=folder)
    return float(json.loads(figures.stdout)["primary_metric"])


def test_what_is_written_trains_to_the_figure_that_was_found(project: Path, spaner: Run) -> None:
    report = tuned(spaner, project, "--trials", 3)
    assert (report["trials"], report["new_trials"]) == (3, 3)
    assert report["best_map"] >= report["before"]
    config = yaml.safe_load((project / report["output"]).read_text(encoding="utf-8"))
    best = report["best"]
    assert config["prompt"]["dim"] == best["dim"]
    assert config["training"]["learning_rate"] == best["learning_rate"]

    assert validation_map(spaner, project, report["output"]) == report["best_map"]


def test_what_is_written_trains_as_trials_did_without_an_early_end(
    project: Path, spaner: Run, configure: Callable[..., None]
) -> None:
    for key, value in {"eval_steps": 1, "early_stopping_patience": 1}.items():
        configure(project, value, "training", key)
    result = spaner("tune", "--trials", 2, "--json", cwd=project)
    report = json.loads(result.stdout)
    assert "plugins-tuned.yaml" in result.stderr
    assert "is without training.early_stopping_patience" in result.stderr
    assert validation_map(spaner, project, report["output"]) == report["best_map"]


def test_the_terminal_shows_settings_as_the_file_has_them(project: Path, spaner: Run) -> None:
    result = spaner("tune", "--trials", 3, cwd=project)
    config = yaml.safe_load((project / "plugins-tuned.yaml").read_text(encoding="utf-8"))
    cells = [part.strip() for part in result.stdout.split("│")]
    shown = dict(zip(cells[1::3], cells[2::3], strict=False))
    assert shown["learning_rate"] == str(config["training"]["learning_rate"])
    assert shown["anchor_weight"] == str(config["loss"]["anchor_weight"])
    assert shown["strength"] == str(config["prompt"]["strength"])


@pytest.mark.parametrize("space", ["space", "space/", "runs//space/", "runs/../space", ".", ".."])
def test_the_tuned_space_lies_beside_the_old_one(
    project: Path, configure: Callable[..., None], space: str
) -> None:
    configure(project, space, "space")
    opened, target = Project(read_config(project / "plugins.yaml")), project / "tuned.yaml"
    write_tuned(
        opened, given_setting(opened), target, names=("text",), best_map=0.5, split="validation"
    )
    old, new = (project / space).resolve(), read_config(target).space.resolve()
    assert new == old.with_name(f"{old.name}-tuned")


def test_the_next_call_goes_on_where_the_last_one_ended(project: Path, spaner: Run) -> None:
    tuned(spaner, project, "--trials", 1)
    more = tuned(spaner, project, "--trials", 3, "--overwrite")
    assert (more["trials"], more["new_trials"]) == (3, 2)
    done = tuned(spaner, project, "--trials", 2, "--overwrite")
    assert (done["trials"], done["new_trials"]) == (3, 0)
    assert done["best_map"] == more["best_map"]
    quiet = spaner("tune", "--trials", 2, "--overwrite", "--quiet", cwd=project)
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert "trials: 3, 0 of them new" in quiet.stdout


def test_trials_on_other_data_are_not_mixed_in(project: Path, spaner: Run) -> None:
    tuned(spaner, project, "--trials", 1)
    manifest = project / "manifest.csv"
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]), encoding="utf-8")
    again = tuned(spaner, project, "--trials", 1, "--overwrite")
    assert (again["trials"], again["new_trials"]) == (1, 1)


def test_a_killed_search_loses_the_trial_it_was_at_and_no_other(project: Path, spaner: Run) -> None:
    """Killed as it writes, which leaves a lock, too."""
    study = project / "space.tuning" / "study.jsonl"
    process = start("tune", "--trials", 50, "--quiet", cwd=project, stops="study.jsonl")
    settings = '"setting"'  # written twice a trial: before its training, and when it is chosen from
    assert any(study.exists() and study.read_text().count(settings) == 3 for _ in process.stops())
    process.kill()
    assert not (project / "plugins-tuned.yaml").exists()
    assert (study.parent / "study.jsonl.lock").is_symlink()
    report = tuned(spaner, project, "--trials", 2)
    assert (report["trials"], report["new_trials"]) == (2, 1)


def test_a_budget_of_seconds_ends_the_search(project: Path, spaner: Run) -> None:
    report = tuned(spaner, project, "--trials", 500, "--seconds", 2)
    assert 1 <= report["trials"] < 500


def test_requests_that_are_refused(project: Path, refuses: Callable[..., str]) -> None:
    refuses("tune", "--split", "test", cwd=project, says=("'test'", "validation"))
    refuses("tune", "--split", "train", cwd=project, says=("'train'",))
    refuses("tune", "--output", "/elsewhere/t.yaml", cwd=project, says=("beside",))
    (project / "taken.yaml").write_text("mine", encoding="utf-8")
    refuses("tune", "--output", "taken.yaml", cwd=project, says=("exists", "--overwrite"))
    refuses("tune", "--output", "plugins.yaml", "--overwrite", cwd=project, says=("itself",))
