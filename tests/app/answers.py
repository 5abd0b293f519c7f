"""What a command answered, as JSON and as notes."""

from __future__ import annotations

import json
import subprocess
from typing import Any

Result = subprocess.CompletedProcess[str]


def only_json(result: Result) -> Any:
    """The one JSON value that standard output consists of."""
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def notes(result: Result) -> list[str]:
    lines = result.stderr.splitlines()
    assert all(line.startswith("note: ") for line in lines), result.stderr
    return lines
