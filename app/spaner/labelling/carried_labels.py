"""Holds labels that were carried, and writes them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from spaner_core.evaluation.propagation import HeldBack
from spaner_core.files.atomic import written_at_end

from spaner.reports import Report


@dataclass(frozen=True, kw_only=True)
class CarriedLabel:
    """What one sample got; `concept` is None where the confidence is below the threshold.

    `nearest` is the id of the labelled sample that lies nearest, None where there is none.
    """

    id: str
    modality: str
    input: str
    concept: str | None
    confidence: float
    nearest: str | None


@dataclass(frozen=True, kw_only=True, repr=False)
class PropagationReport(Report):
    """What was carried, and how good that is where the truth is known.

    `givers` counts the labelled samples that voted. `measured` says what held-back labels show,
    those of the splits `measured_on`; it is None where there were none.
    """

    rows_in = "labels"

    source: str
    target: str
    givers: int
    min_confidence: float
    labels: tuple[CarriedLabel, ...]
    measured: HeldBack | None
    measured_on: tuple[str, ...]


def write_labels(labels: Sequence[CarriedLabel], output: Path) -> None:
    """Write labels in their order, the whole file or none; an absent concept is an empty cell."""
    with (
        written_at_end(output) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.DictWriter(file, [field.name for field in fields(CarriedLabel)])
        table.writeheader()
        table.writerows(asdict(label) for label in labels)
