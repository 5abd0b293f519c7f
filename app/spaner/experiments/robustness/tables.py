"""Builds the tables of robustness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spaner.experiments.robustness.inputs import (
    ROLES,
    SEVERITIES,
    CorruptedFigures,
    InputRobustness,
)
from spaner.experiments.robustness.training import DamagedOutcome, TrainingRobustness
from spaner.tables import Table, figure_cell, interval_cell

ROLE_NAMES = dict(zip(ROLES, ("query", "gallery"), strict=True))
SHOWN = {"recall@1": "R@1", "map": "mAP"}


def inputs_tables(report: InputRobustness) -> tuple[Table, ...]:
    """Lay out mAP by severity, a table a modality, a line a corruption and role of its rows."""
    return tuple(
        Table(
            f"Corrupted inputs of {name} ({report.measured_on(name)}): mAP by severity, mean over "
            "the other modalities",
            ("corruption", "as", "clean", *map(str, SEVERITIES)),
            [
                (
                    corruption + _left_out_words(curve),
                    ROLE_NAMES[role],
                    *(figure_cell(point.figures[f"{role}_map"]) for point in curve),
                )
                for corruption, curve in curves.items()
                for role in ROLES
            ],
        )
        for name, curves in report.modalities.items()
    )


def training_table(report: TrainingRobustness) -> Table:
    """Lay out means over all ordered pairs, and what they differ from clean training's."""
    clean = report.clean.figures
    rows = [
        ("clean", *(interval_cell(clean[f"mean_{key}"]) for key in SHOWN), *("-" for _ in SHOWN))
    ]
    for damage in report.damages:
        rows += _damage_rows(damage)
    spread = " ± half of the 95% interval" if len(report.seeds) > 1 else ""
    return Table(
        f"Damaged training data ({report.measured_on}): means over ordered pairs{spread}; "
        "differences by seed, over the pairs that are left",
        ("training data", *SHOWN.values(), *(f"{name} - clean" for name in SHOWN.values())),
        rows,
    )


def _left_out_words(curve: Sequence[CorruptedFigures]) -> str:
    """Count the rows that a corruption cannot be applied to; most have none."""
    most = max(point.left_out for point in curve)
    return f", {most} left out" if most else ""


def _damage_rows(damage: DamagedOutcome) -> Iterator[tuple[str, ...]]:
    """Give the line of a damage, and those of the absent concepts' queries where there are any."""
    figures, differences = damage.outcome.figures, damage.outcome.differences
    lines = {damage.name: "mean"}
    if "absent_as_query_map" in figures:
        lines["... its queries of these"] = "absent_as_query"
        lines["... others' queries of these in it"] = "absent_as_gallery"
    for title, prefix in lines.items():
        yield (
            title,
            *(interval_cell(figures[f"{prefix}_{key}"]) for key in SHOWN),
            *(interval_cell(differences.get(f"{prefix}_{key}"), signed=True) for key in SHOWN),
        )
