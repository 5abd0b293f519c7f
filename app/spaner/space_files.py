"""Names the files that commands keep beside a space."""

from __future__ import annotations

from pathlib import Path

CALIBRATION = ".calibration.safetensors"
EARLIER_CALIBRATION = ".calibration.json"
QUARANTINE = ".quarantine.csv"
TRACES = ".training"
STUDY = ".tuning"
INDEX = ".index"
KEPT = (CALIBRATION, EARLIER_CALIBRATION, QUARANTINE, TRACES, STUDY, INDEX)


def beside(space: Path, ending: str) -> Path:
    """Return the path that has the space's name and an ending of its own."""
    folder = space if space.name else space.absolute()  # "." has no name
    return folder.with_name(f"{folder.name}{ending}")
