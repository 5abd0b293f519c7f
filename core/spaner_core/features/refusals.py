"""Keeps the reasons why inputs of a stream cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from spaner_core.files.documents import read_or, write_json
from spaner_core.files.ordinary import LARGEST_LIST

REFUSED = "refused.json"


def read_refused(folder: Path) -> dict[str, str]:
    """Return reasons by key; none where they are not there, or damaged: all is tried again then."""
    return read_or({}, folder / REFUSED, kind=dict[str, str], largest=LARGEST_LIST)


def write_refused(folder: Path, reasons: Mapping[str, str]) -> None:
    """Keep reasons by key, in place of those kept before."""
    if not reasons:
        (folder / REFUSED).unlink(missing_ok=True)
        return
    write_json(folder / REFUSED, reasons)
