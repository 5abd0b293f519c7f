"""Changes the calibration that lies beside a test's space."""

from __future__ import annotations

from typing import Any

FIND = ("search", "two", "--from", "text", "--to")
RATE = ("--false-accept", "0.2")
FILE = "space.calibration.json"


def pair_of(content: dict[str, Any], source: str, target: str) -> dict[str, Any]:
    (found,) = [p for p in content["pairs"] if (p["source"], p["target"]) == (source, target)]
    return found
