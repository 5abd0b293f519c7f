"""An extraction killed at any moment is taken up again, and ends as if nothing had happened."""

from __future__ import annotations

import csv
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.feature_projects import rows_kept

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]
Configure = Callable[..., None]
Die = Callable[..., "Death"]

pytestmark = pytest.mark.slow

STORE = "kept.features"
KILLED = -9


class Death:
    """How a command ended: exit code, seconds, how many changes to the store it was about to do."""

    def __init__(self, code: int, seconds: float, operations: int) -> None:
        self.code, self.seconds, self.operations = code, seconds, operations


@pytest.fixture(scope="module")
def die(
    tmp_path_factory: pytest.TempPathFactory, cold_environment: dict[str, str]
) -> Iterator[Die]:
    """Run a command and kill it: `seconds=` after its start, or before its `operation=`."""
    outputs = tmp_path_factory.mktemp("dying")
    server = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("dying_process.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=cold_environment,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    stdin, stdout = server.stdin, server.stdout

    def run(*arguments: str, cwd: Path, **when: Any) -> Death:
        files = {name: str(outputs / name) for name in ("stdout", "stderr", "operations")}
        stdin.write(json.dumps({"arguments": arguments, "cwd": str(cwd), **files, **when}) + "\n")
        stdin.flush()
        code, seconds = json.loads(stdout.readline())
        assert code in (0, KILLED), Path(files["stderr"]).read_text(encoding="utf-8")
        return Death(code, seconds, Path(files["operations"]).stat().st_size)

    yield run
    stdin.close()
    server.wait(timeout=10)
    stdout.close()


@pytest.fixture(scope="module")
def kill(die: Die) -> Die:
    """Kill a command as `die` does, earlier where it ended before its moment came."""

    def run(*arguments: str, cwd: Path, fresh: tuple[str, ...], **when: Any) -> Death:
        while True:
            for name in fresh:
                shutil.rmtree(cwd / name, ignore_errors=True)
            death = die(*arguments, cwd=cwd, **when)
            if death.code == KILLED:
                return death
            assert "seconds" in when, "it ended before it was killed"
            when["seconds"] *= 0.7

    return run


@pytest.fixture
def many(project: Path, demo_data: Path, configure: Configure) -> Path:
    """A project with all rows of the embedded data: some batches a modality."""
    shutil.copytree(demo_data, project / "data")
    configure(project, "data/manifest.csv", "data", "manifest")
    configure(project, STORE, "features", "store")
    configure(project, 2, "training", "max_steps")
    configure(project, 1, "training", "warmup_steps")
    return project


def moments(whole: Death, *, times: int, operations: int, seed: int) -> list[dict[str, float]]:
    """Random moments of a run: seconds after its start, and changes before which it is killed."""
    draw = random.Random(seed)
    late = [{"seconds": draw.uniform(0.02, 0.95) * whole.seconds} for _ in range(times)]
    chosen = draw.sample(range(1, whole.operations + 1), operations)
    return [*late, *({"operation": number} for number in chosen)]


def test_an_extraction_killed_at_any_moment_ends_with_the_bytes_of_one_that_was_not(
    many: Path, die: Die, kill: Die, spaner: Run, tree: Tree
) -> None:
    whole = die("extract", cwd=many)
    assert whole.code == 0
    expected = tree(many / STORE)
    keys = rows_kept(many / STORE)
    assert len(keys) == len(set(keys)) > 2000
    assert sum(name.endswith(".arrow") for name in expected) > 10
    between = 0
    for moment in moments(whole, times=8, operations=12, seed=0):
        kill("extract", cwd=many, fresh=(STORE,), **moment)
        left = tree(many / STORE) if (many / STORE).exists() else {}
        between += any(".partial-" in name for name in left)
        done = spaner("extract", "--json", cwd=many)
        assert done.returncode == 0, done.stderr
        assert tree(many / STORE) == expected, moment
        for modality in json.loads(done.stdout)["modalities"]:
            parts = [modality[name] for name in ("extracted", "reused", "quarantined")]
            assert sum(parts) == modality["rows"]
    assert between >= 3, "no kill came while a file was written"


def test_an_extraction_killed_again_and_again_ends_with_the_same_bytes(
    many: Path, die: Die, spaner: Run, tree: Tree
) -> None:
    whole = die("extract", cwd=many)
    expected = tree(many / STORE)
    shutil.rmtree(many / STORE)
    draw, killed, reused = random.Random(1), 0, 0
    for _ in range(12):
        moment = {"operation": draw.randrange(1, 25)}
        killed += die("extract", cwd=many, **moment).code == KILLED
        reused += len(rows_kept(many / STORE)) > 0
    assert killed >= 4
    assert reused >= 4
    assert spaner("extract", cwd=many).returncode == 0
    assert tree(many / STORE) == expected
    assert whole.code == 0


def test_a_killed_training_leaves_no_half_space_and_a_store_that_a_later_run_completes(
    many: Path, die: Die, kill: Die, spaner: Run, tree: Tree
) -> None:
    names = ("train", "text", "vision", "audio")
    whole = die(*names, "--space", "timed", cwd=many)
    assert whole.code == 0
    expected = tree(many / STORE)
    for moment in moments(whole, times=4, operations=4, seed=2):
        kill(*names, "--space", "cut", cwd=many, fresh=(STORE, "cut"), **moment)
        if (many / "cut").exists():
            assert spaner("verify", "--space", "cut", cwd=many).returncode == 0
        done = spaner(*names, "--space", "cut", "--overwrite", cwd=many)
        assert done.returncode == 0, done.stderr
        assert tree(many / STORE) == expected, moment
        assert spaner("verify", "--space", "cut", cwd=many).returncode == 0


def test_an_extraction_of_more_rows_takes_up_what_a_killed_training_began(
    many: Path, die: Die, spaner: Run
) -> None:
    whole = die("extract", cwd=many)
    assert whole.code == 0
    every = sorted(rows_kept(many / STORE))
    shutil.rmtree(many / STORE)
    for number in (10, 25, 40):
        die("train", "text", "vision", "--space", "cut", cwd=many, operation=number)
        assert not (many / "cut").exists()
    begun = rows_kept(many / STORE)
    assert 0 < len(begun) < len(every)
    done = spaner("extract", "--json", cwd=many)
    assert done.returncode == 0, done.stderr
    assert sorted(rows_kept(many / STORE)) == every
    assert list((many / STORE).glob("*/plan.json")) == []


def test_a_pruning_killed_at_any_moment_loses_no_row_that_is_used(
    many: Path, die: Die, spaner: Run, tree: Tree
) -> None:
    assert die("extract", cwd=many).code == 0
    shutil.copytree(many / STORE, many / "full")
    manifest = many / "data/manifest.csv"
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with manifest.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(row for number, row in enumerate(rows) if number % 3)
    whole = die("extract", "--prune", cwd=many)
    assert whole.code == 0
    used = sorted(rows_kept(many / STORE))
    for moment in moments(whole, times=0, operations=12, seed=3):
        shutil.rmtree(many / STORE)
        shutil.copytree(many / "full", many / STORE)
        assert die("extract", "--prune", cwd=many, **moment).code == KILLED
        done = spaner("extract", "--json", cwd=many)
        assert [part["extracted"] for part in json.loads(done.stdout)["modalities"]] == [0] * 4
        assert spaner("extract", "--prune", cwd=many).returncode == 0
        assert sorted(rows_kept(many / STORE)) == used, moment
        left = [name for name in tree(many / STORE) if ".partial-" in name or "plan" in name]
        assert left == [], moment
