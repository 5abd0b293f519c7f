"""Logs of a training, and the manifest it is run on."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]
TRAIN = ("train", "text", "vision", "audio")


def log(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def figures(spaner: Run, folder: Path) -> dict[str, Any]:
    result = spaner("evaluate", "--split", "validation", "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout))


def done(result: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert result.returncode == 0, result.stderr
    return result
