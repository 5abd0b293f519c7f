"""Draws robustness as curves: mAP by severity, one PNG per modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spaner.experiments.robustness.inputs import (
    ROLES,
    SEVERITIES,
    CorruptedFigures,
    InputRobustness,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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


def draw_curves(report: InputRobustness, name: str, *, output: Path) -> None:
    """Draw the curves of one modality's corruptions as a PNG, which says what they rest on."""
    import matplotlib as mpl

    mpl.use("Agg")  # files only: no window system is needed
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(10, 4.6), sharey=True, layout="constrained")
    for axes, (role, title) in zip(panels, PANELS.items(), strict=True):
        _draw_panel(axes, report.modalities[name], figure_name=f"{role}_map")
        axes.set_title(title, fontsize=12)
    panels[0].set_ylabel("mAP, mean over the other modalities", fontsize=12)
    figure.suptitle(
        f"{name}: retrieval with corrupted inputs\n{report.measured_on(name)}", fontsize=13
    )
    lines, titles = panels[0].get_legend_handles_labels()
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
