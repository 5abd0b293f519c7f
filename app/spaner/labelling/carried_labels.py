"""Holds labels that were carried, and writes them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from spaner_core.evaluation.held_back import ExpectedAccuracy, HeldBack
from spaner_core.files.atomic import written_at_end

from spaner.reports import Audited, Report

Reason = Literal["item", "votes", "unsure", "unfamiliar"]
"""What a sample's concept comes from, or why it has none."""


@dataclass(frozen=True, kw_only=True)
class CarriedLabel:
    """What one sample got; `concept` is None where it is "unsure" or "unfamiliar".

    `nearest` is the id of the labelled sample that lies nearest, None where there is none;
    `evidence` are the ids of the nearest few, this one first. `reason` is "item" where labelled
    rows of the sample's own item agree on the concept, whatever the `confidence` of the votes.
    `familiarity` is the p-value of the sample, None without a calibration that fits.
    """

    id: str
    modality: str
    input: str
    concept: str | None
    confidence: float
    nearest: str | None
    evidence: tuple[str, ...]
    reason: Reason
    familiarity: float | None


@dataclass(frozen=True, kw_only=True, repr=False)
class PropagationReport(Report):
    """What was carried, and how good that is where the truth is known.

    `givers` counts the labelled samples that voted. `measured` says what held-back labels show,
    those of the splits `measured_on`; it is None where there were none. `expected` says what share
    of the labels that votes give is right, from labelled rows of split validation, if any.
    """

    rows_in = "labels"

    source: str
    target: str
    givers: int
    min_confidence: float
    labels: tuple[CarriedLabel, ...]
    expected: ExpectedAccuracy | None
    measured: HeldBack | None
    measured_on: tuple[str, ...]

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        counts = {"labels": len(self.labels), "givers": self.givers}
        return Audited(counts, (self.source, self.target), [label.id for label in self.labels])


def write_labels(labels: Sequence[CarriedLabel], output: Path) -> None:
    """Write labels in their order, the whole file or none; evidence is a JSON list.

    An absent concept is an empty cell.
    """
    with (
        written_at_end(output) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.DictWriter(file, [field.name for field in fields(CarriedLabel)])
        table.writeheader()
        for label in labels:
            table.writerow(asdict(label) | {"evidence": json.dumps(label.evidence)})
