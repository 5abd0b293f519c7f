"""A project with unlabelled rows, and labels carried to them."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]
Table = list[dict[str, str]]
CARRY = ("propagate", "--from", "text", "--to", "vision")


def read(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def edit(folder: Path, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Rewrite the manifest, each row as `change` gives it; None drops it."""
    rows = [new for row in read(folder / "manifest.csv") if (new := change(dict(row)))]
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def unlabel(folder: Path, split: str = "test") -> dict[str, str]:
    """Take the concepts of a split's images away; return them by id."""
    taken = {}

    def change(row: dict[str, str]) -> dict[str, str]:
        if (row["modality"], row["split"]) == ("vision", split):
            taken[row["id"]] = row["concept"]
            row["concept"] = ""
        return row

    edit(folder, change)
    return taken


def report(run: Run, *arguments: object, cwd: Path) -> Any:
    result = run(*arguments, "--json", cwd=cwd)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
