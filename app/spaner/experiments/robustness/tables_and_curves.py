"""Shows robustness: tables, and curves of mAP by severity as PNG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spaner.experiments.robustness.corrupted_inputs import (
    ROLES,
    SEVERITIES,
    CorruptedFigures,
    InputRobustness,
)
from spaner.experiments.robustness.damaged_training import DamagedOutcome, TrainingRobustness
from spaner.result_tables import NOTHING, Table, figure_cell, interval_cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROLE_NAMES = dict(zip(ROLES, ("query", "gallery"), strict=True))
SHOWN = {"recall@1": "R@1", "map": "mAP"}

CURVES = {"map": "mAP", "item_recall@1": "item R@1"}
"""What is shown by severity: the second where rows have items."""

PANELS = dict(
    zip(
        ROLES, ("corrupted queries, clean gallery", "clean queries, corrupted gallery"), strict=True
    )
)

STYLES = ("-", "--", "-.", ":")

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Lines differ by style and marker besides colour, so that they can be told apart in grey."""

MOST_COLUMNS = 5
"""Names side by side in the legend."""


def inputs_tables(report: InputRobustness) -> tuple[Table, ...]:
    """Lay out mAP, and R@1 by item, by severity.

    There is a table a modality and figure, with a line a corruption and role of its rows.
    """
    return tuple(
        Table(
            f"Corrupted inputs of {name} ({report.measured_on(name)}): {said} by severity, mean "
            "over the other modalities",
            ("corruption", "as", "clean", *map(str, SEVERITIES)),
            [
                (
                    corruption + _left_out_words(curve),
                    ROLE_NAMES[role],
                    *(figure_cell(point.figures[f"{role}_{figure}"]) for point in curve),
                )
                for corruption, curve in curves.items()
                for role in ROLES
            ],
        )
        for name, curves in report.modalities.items()
        for figure, said in _drawn(curves).items()
    )


def _drawn(curves: Mapping[str, Sequence[CorruptedFigures]]) -> dict[str, str]:
    """Return which figures curves show, and what these are called."""
    known = next(iter(curves.values()))[0].figures
    return {key: said for key, said in CURVES.items() if f"{ROLES[0]}_{key}" in known}


def training_table(report: TrainingRobustness) -> Table:
    """Lay out means over all ordered pairs, and what they differ from clean training's."""
    clean = report.clean.figures
    rows = [
        (
            "clean",
            *(interval_cell(clean[f"mean_{key}"]) for key in SHOWN),
            *(NOTHING for _ in SHOWN),
        )
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


def draw_curves(report: InputRobustness, name: str, *, output: Path) -> None:
    """Draw the curves of one modality's corruptions as a PNG, which says what they rest on."""
    import matplotlib as mpl

    mpl.use("Agg")  # files only: no window system is needed
    from matplotlib import pyplot as plt

    curves = report.modalities[name]
    drawn = _drawn(curves)
    figure, panels = plt.subplots(
        len(drawn),
        2,
        figsize=(10, 4.6 * len(drawn)),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for line, (key, said) in zip(panels, drawn.items(), strict=True):
        for axes, (role, title) in zip(line, PANELS.items(), strict=True):
            _draw_panel(axes, curves, figure_name=f"{role}_{key}")
            axes.set_title(title, fontsize=12)
        line[0].set_ylabel(f"{said}, mean over the other modalities", fontsize=12)
    figure.suptitle(
        f"{name}: retrieval with corrupted inputs\n{report.measured_on(name)}", fontsize=13
    )
    lines, titles = panels[0][0].get_legend_handles_labels()
    figure.legend(
        lines,
        titles,
        loc="outside lower center",
        ncols=min(len(titles), MOST_COLUMNS),
        handlelength=3,
        frameon=False,
        fontsize=11,
    )
    figure.savefig(output, format="png", dpi=150)
    plt.close(figure)


def _draw_panel(
    axes: Axes, curves: Mapping[str, Sequence[CorruptedFigures]], *, figure_name: str
) -> None:
    for place, (corruption, curve) in enumerate(curves.items()):
        found = {point.severity: point.figures[figure_name] for point in curve}
        known = {severity: value for severity, value in found.items() if value is not None}
        axes.plot(
            list(known),
            list(known.values()),
            linestyle=STYLES[place % len(STYLES)],
            marker=MARKERS[place % len(MARKERS)],
            linewidth=2,
            markersize=6,
            label=corruption,
        )
    axes.set(xticks=(0, *SEVERITIES), xticklabels=("clean", *map(str, SEVERITIES)), ylim=(0, 1.02))
    axes.set_xlabel("severity", fontsize=12)
    axes.tick_params(labelsize=11)
    axes.grid(visible=True, color="0.85", linewidth=0.8)
    axes.set_axisbelow(True)
