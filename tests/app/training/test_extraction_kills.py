"""An extraction killed at any moment is taken up again, and ends as if nothing had happened."""

from __future__ import annotations

import csv
import json
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.app.feature_projects import rows_kept
from tests.process import Ended, start

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]
Configure = Callable[..., None]

pytestmark = pytest.mark.slow

STORE = "kept.features"


def counted(*arguments: str, cwd: Path) -> tuple[int, Ended]:
    """Run a command; return how often it changed something in the store, and how it ended."""
    process = start(*arguments, cwd=cwd, stops=STORE)
    changes = sum(1 for _ in process.stops())
    ended = process.end()
    assert ended.returncode == 0, ended.stderr
    return changes, ended


def die(*arguments: str, cwd: Path, change: int) -> bool:
    """Kill a command before this change of the store; False where it ended before."""
    process = start(*arguments, cwd=cwd, stops=STORE, first=change)
    if process.stopped():
        process.kill()
        return True
    ended = process.end()
    assert ended.returncode == 0, ended.stderr
    return False


def die_anywhere(*arguments: str, cwd: Path, fresh: tuple[str, ...], seconds: float) -> None:
    """Kill a command after so much processor time, or less where it ended before."""
    while True:
        for name in fresh:
            shutil.rmtree(cwd / name, ignore_errors=True)
        ended = start(*arguments, cwd=cwd, seconds=seconds).end()
        if ended.returncode == -signal.SIGPROF:
            return
        assert ended.returncode == 0, ended.stderr
        seconds *= 0.7


@pytest.fixture
def many(project: Path, demo_data: Path, configure: Configure) -> Path:
    """A project with all rows of the embedded data: some batches a modality."""
    shutil.copytree(demo_data, project / "data")
    configure(project, "data/manifest.csv", "data", "manifest")
    configure(project, STORE, "features", "store")
    configure(project, 2, "training", "max_steps")
    configure(project, 1, "training", "warmup_steps")
    return project


def kills(
    *arguments: str, cwd: Path, fresh: tuple[str, ...], changes: int, cpu_s: float, times: int
) -> Iterator[str]:
    """Kill a command at random moments, half of them before a change of the store; yield each."""
    draw = random.Random(" ".join(arguments))
    for number in range(times):
        moment = f"after {(seconds := draw.uniform(0.02, 0.95) * cpu_s)} s"
        if number % 2:
            die_anywhere(*arguments, cwd=cwd, fresh=fresh, seconds=seconds)
        else:
            moment = f"before change {(change := draw.randint(1, changes))}"
            for name in fresh:
                shutil.rmtree(cwd / name, ignore_errors=True)
            assert die(*arguments, cwd=cwd, change=change), moment
        yield moment


def test_an_extraction_killed_at_any_moment_ends_with_the_bytes_of_one_that_was_not(
    many: Path, spaner: Run, tree: Tree
) -> None:
    changes, whole = counted("extract", cwd=many)
    expected = tree(many / STORE)
    keys = rows_kept(many / STORE)
    assert len(keys) == len(set(keys)) > 2000
    assert sum(name.endswith(".arrow") for name in expected) > 10
    between = 0
    for moment in kills("extract", cwd=many, fresh=(STORE,), changes=changes, cpu_s=whole.cpu_s,
                        times=20):  # fmt: skip
        left = tree(many / STORE) if (many / STORE).exists() else {}
        between += any(".partial-" in name for name in left)
        done = spaner("extract", "--json", cwd=many)
        assert done.returncode == 0, done.stderr
        assert tree(many / STORE) == expected, moment
        for modality in json.loads(done.stdout)["modalities"]:
            parts = [modality[name] for name in ("extracted", "reused", "quarantined")]
            assert sum(parts) == modality["rows"]
    assert between, "no kill came while a file was written"


def test_an_extraction_killed_again_and_again_ends_with_the_same_bytes(
    many: Path, spaner: Run, tree: Tree
) -> None:
    assert spaner("extract", cwd=many).returncode == 0
    expected = tree(many / STORE)
    shutil.rmtree(many / STORE)
    draw, killed, reused = random.Random(1), 0, 0
    for _ in range(12):
        killed += die("extract", cwd=many, change=draw.randrange(1, 25))
        reused += len(rows_kept(many / STORE)) > 0
    assert killed >= 4
    assert reused >= 4
    assert spaner("extract", cwd=many).returncode == 0
    assert tree(many / STORE) == expected


def test_a_killed_training_leaves_no_half_space_and_a_store_that_a_later_run_completes(
    many: Path, spaner: Run, tree: Tree
) -> None:
    names = ("train", "text", "vision", "audio")
    changes, whole = counted(*names, "--space", "timed", cwd=many)
    expected = tree(many / STORE)
    for moment in kills(*names, "--space", "cut", cwd=many, fresh=(STORE, "cut"), changes=changes,
                        cpu_s=whole.cpu_s, times=8):  # fmt: skip
        if (many / "cut").exists():
            assert spaner("verify", "--space", "cut", cwd=many).returncode == 0
        done = spaner(*names, "--space", "cut", "--overwrite", cwd=many)
        assert done.returncode == 0, done.stderr
        assert tree(many / STORE) == expected, moment
        assert spaner("verify", "--space", "cut", cwd=many).returncode == 0


def test_an_extraction_of_more_rows_takes_up_what_a_killed_training_began(
    many: Path, spaner: Run
) -> None:
    assert spaner("extract", cwd=many).returncode == 0
    every = sorted(rows_kept(many / STORE))
    shutil.rmtree(many / STORE)
    for number in (10, 25, 40):
        die("train", "text", "vision", "--space", "cut", cwd=many, change=number)
        assert not (many / "cut").exists()
    begun = rows_kept(many / STORE)
    assert 0 < len(begun) < len(every)
    done = spaner("extract", "--json", cwd=many)
    assert done.returncode == 0, done.stderr
    assert sorted(rows_kept(many / STORE)) == every
    assert list((many / STORE).glob("*/plan.json")) == []


def test_a_pruning_killed_at_any_moment_loses_no_row_that_is_used(
    many: Path, spaner: Run, tree: Tree
) -> None:
    assert spaner("extract", cwd=many).returncode == 0
    shutil.copytree(many / STORE, many / "full")
    manifest = many / "data/manifest.csv"
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with manifest.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(row for number, row in enumerate(rows) if number % 3)
    changes, _ = counted("extract", "--prune", cwd=many)
    used = sorted(rows_kept(many / STORE))
    for change in random.Random(3).sample(range(1, changes + 1), 12):
        shutil.rmtree(many / STORE)
        shutil.copytree(many / "full", many / STORE)
        assert die("extract", "--prune", cwd=many, change=change)
        done = spaner("extract", "--json", cwd=many)
        assert [part["extracted"] for part in json.loads(done.stdout)["modalities"]] == [0] * 4
        assert spaner("extract", "--prune", cwd=many).returncode == 0
        assert sorted(rows_kept(many / STORE)) == used, change
        left = [name for name in tree(many / STORE) if ".partial-" in name or "plan" in name]
        assert left == [], change
