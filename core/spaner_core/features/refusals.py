"""Keeps the reasons why inputs of a stream cannot be used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from spaner_core.ordinary_files import LARGEST_LIST, read_small
from spaner_core.writing import written_at_end

REFUSED = "refused.json"

_REFUSED = TypeAdapter(dict[str, str])


def read_refused(folder: Path) -> dict[str, str]:
    """Return reasons by key; none where they are not there, or damaged: all is tried again then."""
    try:
        return _REFUSED.validate_json(read_small(folder / REFUSED, largest=LARGEST_LIST))
    except (OSError, ValueError):
        return {}


def write_refused(folder: Path, reasons: Mapping[str, str]) -> None:
    """Keep reasons by key, in place of those kept before."""
    if not reasons:
        (folder / REFUSED).unlink(missing_ok=True)
        return
    with written_at_end(folder / REFUSED) as partial:
        partial.write_text(json.dumps(reasons, indent=2), encoding="utf-8")
