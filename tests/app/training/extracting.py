"""Runs `spaner extract` and reads its counts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.app.feature_projects import counts

Run = Callable[..., subprocess.CompletedProcess[str]]


def extract(spaner: Run, folder: Path, *names: str) -> dict[str, dict[str, int]]:
    done = spaner("extract", *names, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return counts(done.stdout)


def extracted(spaner: Run, folder: Path) -> dict[str, int]:
    return {name: count["extracted"] for name, count in extract(spaner, folder).items()}


NONE = {"text": 0, "vision": 0, "audio": 0, "sensor": 0}
