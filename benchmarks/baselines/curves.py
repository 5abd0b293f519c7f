"""The comparison as a picture: R@1 and mAP by the number of labelled rows, a line a method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # files only: no window system is needed
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from spaner_core.evaluation.intervals import intervals

from baselines.methods import OURS
from baselines.search import Run
from baselines.tables import FIGURES, by_seed

STYLES = ("-", "--", ":")
MARKERS = ("s", "^", "D", "v", "P", "X", "*", "<", ">", "h", "d")
"""Lines differ by style and marker besides colour, so that they can be told apart in grey."""


def draw_comparison(runs: Sequence[Run], output: Path) -> None:
    """Draw means over seeds; SPANER with its 95% t-interval as a band."""
    methods = list(dict.fromkeys(run.method for run in runs))
    runs = [run for run in runs if run.shots]  # all labels have no place on the axis
    shots = sorted({run.shots for run in runs if run.shots})
    figure, panels = plt.subplots(1, len(FIGURES), figsize=(11, 6), layout="constrained")
    for axes, (key, label) in zip(panels, FIGURES.items(), strict=True):
        for place, method in enumerate(methods):
            _draw_line(axes, runs, method, key=key, place=place)
        axes.set_xscale("log", base=2)
        axes.set(xticks=shots, xticklabels=[str(count) for count in shots])
        axes.minorticks_off()
        axes.set_xlabel("labelled rows a concept", fontsize=12)
        axes.set_ylabel(f"{label}, mean over the ordered pairs", fontsize=12)
        axes.tick_params(labelsize=11)
        axes.grid(visible=True, color="0.88", linewidth=0.8)
        axes.set_axisbelow(True)
    lines, titles = panels[0].get_legend_handles_labels()
    figure.legend(lines, titles, loc="outside lower center", ncols=4, handlelength=3, frameon=False)
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, format="png", dpi=130)
    plt.close(figure)


def _draw_line(axes: Axes, runs: Sequence[Run], method: str, *, key: str, place: int) -> None:
    ours = method == OURS
    shots = sorted({run.shots for run in runs if run.shots and run.method == method})
    found = [intervals(by_seed(runs, method, count))[key] for count in shots]
    axes.plot(
        shots,
        np.array([one.mean for one in found], dtype=float),
        color="black" if ours else None,
        linestyle="-" if ours else STYLES[place % len(STYLES)],
        linewidth=3 if ours else 1.6,
        marker="o" if ours else MARKERS[(place - 1) % len(MARKERS)],
        markersize=7 if ours else 6,
        zorder=3 if ours else 2,
        label=method,
    )
    if ours and all(one.low is not None for one in found):
        low, high = zip(*((one.low, one.high) for one in found), strict=True)
        axes.fill_between(shots, low, high, color="black", alpha=0.12, linewidth=0)
