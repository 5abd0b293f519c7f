"""A command that is killed half-way leaves no half-made space behind."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]

pytestmark = pytest.mark.slow

MOMENTS = (0.2, 0.5, 0.75, 0.9, 0.97)
"""Shares of a whole run after which it is killed; more are tried near its end, while it writes."""


def kill_after(seconds: float, *arguments: str, folder: Path, environment: dict[str, str]) -> int:
    process = subprocess.Popen(
        [sys.executable, "-m", "spaner", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def kill_when(appears: str, *arguments: str, folder: Path, environment: dict[str, str]) -> int:
    """Kill at the moment when something of that name stands in the folder."""
    process = subprocess.Popen(
        [sys.executable, "-m", "spaner", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not any(folder.glob(appears)):
        time.sleep(0.0005)
    process.kill()
    return process.wait()


def whole_seconds(spaner: Run, *arguments: str, folder: Path) -> float:
    start = time.monotonic()
    assert spaner(*arguments, cwd=folder).returncode == 0
    return time.monotonic() - start


def test_a_killed_training_leaves_no_space_or_a_whole_one(
    project: Path, cold_spaner: Run, spaner: Run, cold_environment: dict[str, str]
) -> None:
    names = ("train", "text", "vision", "audio")
    whole_s = whole_seconds(cold_spaner, *names, "--space", "timed", folder=project)
    killed = [
        kill_after(share * whole_s, *names, folder=project, environment=cold_environment)
        for share in MOMENTS[:2]
    ]
    for share in MOMENTS:
        kill_after(share * whole_s, *names, "--overwrite", folder=project,
                   environment=cold_environment)  # fmt: skip
        if (project / "space").exists():
            assert spaner("verify", cwd=project).returncode == 0
    assert any(code != 0 for code in killed), "nothing was killed"

    done = spaner(*names, "--overwrite", cwd=project)
    assert done.returncode == 0, done.stderr
    assert spaner("verify", cwd=project).returncode == 0


def test_a_training_killed_while_it_writes(
    project: Path, spaner: Run, cold_environment: dict[str, str]
) -> None:
    code = kill_when(".space.partial-*/space/prompt", "train", "text", "vision", folder=project,
                     environment=cold_environment)  # fmt: skip
    assert code != 0, "it ended before it was killed"
    assert not (project / "space").exists() or spaner("verify", cwd=project).returncode == 0

    done = spaner("train", "text", "vision", "--overwrite", cwd=project)
    assert done.returncode == 0, done.stderr
    left = [path.name for path in project.iterdir() if path.name.startswith(".")]
    assert left == [], "remains of the killed training stay for ever"


def test_an_overwriting_training_killed_while_it_writes_keeps_the_old_space(
    trained: Path, spaner: Run, cold_environment: dict[str, str], tree: Tree
) -> None:
    before = tree(trained / "space")
    code = kill_when(".space.partial-*/space/prompt", "train", "text", "vision", "--overwrite",
                     "--seed", "3", folder=trained, environment=cold_environment)  # fmt: skip
    assert code != 0, "it ended before it was killed"
    assert spaner("verify", cwd=trained).returncode == 0
    assert tree(trained / "space") == before or not (trained / "space/aligners/audio").exists()


def test_a_killed_attachment_changes_nothing_that_was_there(
    trained: Path, cold_spaner: Run, spaner: Run, cold_environment: dict[str, str], tree: Tree
) -> None:
    before = tree(trained / "space")
    attach = ("attach", "sensor")
    start = time.monotonic()
    kill_when(".space.partial-*", *attach, folder=trained, environment=cold_environment)
    whole_s = time.monotonic() - start
    for share in MOMENTS:
        after = tree(trained / "space")
        assert {name: after[name] for name in before} == before
        assert spaner("verify", cwd=trained).returncode == 0
        kill_after(share * whole_s, *attach, folder=trained, environment=cold_environment)
    after = tree(trained / "space")
    assert {name: after[name] for name in before} == before

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
