"""A command that is killed half-way leaves no half-made space behind."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.process import Process, start

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]

pytestmark = pytest.mark.slow

MOMENTS = (0.2, 0.5, 0.75, 0.9, 0.97)
"""Shares of a whole run's processor time after which it is killed."""

PARTIAL = ".space.partial-"


def kill_after(seconds: float, *arguments: str, folder: Path) -> bool:
    """Kill a command after so much processor time; False where it ended before."""
    ended = start(*arguments, cwd=folder, seconds=seconds).end()
    return ended.returncode == -signal.SIGPROF


def held_at(change: int, *arguments: str, folder: Path) -> Process:
    """Stop a command before this change of what is to become a space or a part of it."""
    process = start(*arguments, cwd=folder, stops=PARTIAL, first=change)
    assert process.stopped(), process.end()
    return process


def kills_while_writing(
    *arguments: str, folder: Path, prepare: Callable[[], object]
) -> Iterator[int]:
    """Kill a command before each change of what it writes; yield after each with its number."""
    prepare()
    process = start(*arguments, cwd=folder, stops=PARTIAL)
    changes = sum(1 for _ in process.stops())
    assert process.end().returncode == 0
    assert changes > 3
    for change in range(1, changes + 1):
        prepare()
        held_at(change, *arguments, folder=folder).kill()
        yield change


def test_a_killed_training_leaves_no_space_or_a_whole_one(project: Path, spaner: Run) -> None:
    names = ("train", "text", "vision", "audio")
    whole = start(*names, "--space", "timed", cwd=project).end()
    assert whole.returncode == 0, whole.stderr
    killed = [kill_after(share * whole.cpu_s, *names, folder=project) for share in MOMENTS[:2]]
    assert any(killed), "nothing was killed"
    for share in MOMENTS:
        kill_after(share * whole.cpu_s, *names, "--overwrite", folder=project)
        if (project / "space").exists():
            assert spaner("verify", cwd=project).returncode == 0

    done = spaner(*names, "--overwrite", cwd=project)
    assert done.returncode == 0, done.stderr
    assert spaner("verify", cwd=project).returncode == 0


def test_a_training_killed_while_it_writes(project: Path, spaner: Run) -> None:
    train = ("train", "text", "vision")

    def without_space() -> None:
        shutil.rmtree(project / "space", ignore_errors=True)

    for change in kills_while_writing(*train, folder=project, prepare=without_space):
        whole = (project / "space").exists()
        assert not whole or spaner("verify", cwd=project).returncode == 0, change
        done = spaner(*train, "--overwrite", cwd=project)
        assert done.returncode == 0, done.stderr
        left = [path.name for path in project.iterdir() if path.name.startswith(".")]
        assert left == [], f"remains of the training killed before change {change} stay for ever"


def test_an_overwriting_training_killed_while_it_writes_keeps_the_old_space(
    trained: Path, spaner: Run, tree: Tree
) -> None:
    before = tree(trained / "space")
    train = ("train", "text", "vision", "--overwrite", "--seed", "3")

    def with_old_space() -> None:
        shutil.rmtree(trained / "space", ignore_errors=True)
        shutil.copytree(trained / "kept", trained / "space")

    shutil.copytree(trained / "space", trained / "kept")
    for change in kills_while_writing(*train, folder=trained, prepare=with_old_space):
        assert spaner("verify", cwd=trained).returncode == 0, change
        assert (
            tree(trained / "space") == before or not (trained / "space/aligners/audio").exists()
        ), change


def test_a_killed_attachment_changes_nothing_that_was_there(
    trained: Path, spaner: Run, tree: Tree
) -> None:
    before = tree(trained / "space")
    attach = ("attach", "sensor")

    def holds() -> None:
        after = tree(trained / "space")
        assert {name: after[name] for name in before} == before
        assert spaner("verify", cwd=trained).returncode == 0

    def without_sensor() -> None:
        shutil.rmtree(trained / "space/aligners/sensor", ignore_errors=True)

    for _ in kills_while_writing(*attach, folder=trained, prepare=without_sensor):
        holds()
    without_sensor()
    whole = start(*attach, cwd=trained).end()
    assert whole.returncode == 0, whole.stderr
    for share in MOMENTS:
        without_sensor()
        kill_after(share * whole.cpu_s, *attach, folder=trained)
        holds()

    if not (trained / "space/aligners/sensor").exists():
        done = spaner(*attach, cwd=trained)
        assert done.returncode == 0, done.stderr
    assert spaner("verify", cwd=trained).returncode == 0


def test_remains_under_the_same_process_number_are_no_obstacle(
    project: Path, cold_environment: dict[str, str]
) -> None:
    """In a container the killed process and the next one often have the same number."""
    script = 'mkdir -p ".space.partial-$$/prompt" && exec "$0" -m spaner train text vision --quiet'
    done = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable], cwd=project, env=cold_environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
