"""What a command answered, as JSON and as notes."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

Result = subprocess.CompletedProcess[str]


def only_json(result: Result) -> Any:
    """The one JSON value that standard output consists of."""
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


PLAN = re.compile(r"^(\S+ attaches by .*|[\d,]+ steps, about .*)$")
"""What a training says before it begins."""


def notes(result: Result) -> list[str]:
    lines = [line for line in result.stderr.splitlines() if not PLAN.search(line)]
    assert all(line.startswith("note: ") for line in lines), result.stderr
    return lines
