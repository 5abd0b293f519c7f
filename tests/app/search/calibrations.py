"""Changes the calibration that lies beside a test's space."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

FIND = ("search", "two", "--from", "text", "--to")
RATE = ("--false-accept", "0.2")
FILE = "space.calibration.safetensors"
OF_QUERY = {"familiarity", "unfamiliar", "unknown_kind"}
"""Keys of hits that say something of the query."""


def document(path: Path, key: str = "calibration") -> Any:
    """Return one of the JSON documents of a calibration."""
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()[key])


def write_document(
    path: Path, content: object, key: str = "calibration", **tensors: Tensor
) -> None:
    """Put another document into a calibration, and further `tensors` of texts; the rest stays."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    found = load_file(path) | {f"text.{name}": tensor for name, tensor in tensors.items()}
    save_file(found, path, {**metadata, key: json.dumps(content)})


def pair_of(content: dict[str, Any], source: str, target: str) -> dict[str, Any]:
    (found,) = [p for p in content["pairs"] if (p["source"], p["target"]) == (source, target)]
    return found
