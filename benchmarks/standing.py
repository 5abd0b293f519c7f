"""Says where SPANER wins and where it loses; the page of results gathers these tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from spaner.result_tables import Table, interval_cell
from spaner_core.evaluation.intervals import Interval, Runs, intervals, paired_differences

TITLE = "Wins and losses"
COLUMNS = ("measured", "figure", "SPANER", "best other way", "", "SPANER minus it", "SPANER")
EXPLAINED = """\
From the sections below. The best other way is the one with the best mean on the very rows that are
shown, which favours it. The difference is paired by seed; SPANER wins or loses where its 95%
interval leaves 0 out, is level where it does not and its lower end is at least -0.01, and the rest
is open: too few seeds tell."""
LEVEL = -0.01
"""What the lower end of the difference is at least, where neither end of it says more."""


def standing(difference: Interval) -> str:
    """Say what a paired difference, SPANER minus another way, says of SPANER."""
    if difference.low is None or difference.high is None:
        return "one seed"
    if difference.low > 0:
        return "wins"
    if difference.high < 0:
        return "**loses**"
    return "level" if difference.low >= LEVEL else "open"


def against_best(
    runs: Mapping[str, Mapping[str, Runs]], ours: str, figures: Mapping[str, str]
) -> Table:
    """Compare `ours` with the best other way by each of `figures`, a line for each.

    `runs` holds what was measured, of that the ways, and of each the figures by seed. The best is
    chosen on the very figures that are shown, which favours it.
    """
    lines = []
    for what, ways in runs.items():
        for key, title in figures.items():
            means = {name: intervals(own).get(key) for name, own in ways.items() if name != ours}
            best = max(means, key=lambda name: _mean(means[name]))
            mine = {seed: own for seed, own in ways[ours].items() if seed in ways[best]}
            difference = paired_differences(mine, ways[best])[key]
            lines.append(
                (
                    *(what, title, interval_cell(intervals(ways[ours])[key])),
                    *(best, interval_cell(means[best]), interval_cell(difference, signed=True)),
                    standing(difference),
                )
            )
    return Table(TITLE, COLUMNS, lines)


def _mean(interval: Interval | None) -> float:
    return -1.0 if interval is None or interval.mean is None else interval.mean


def gathered(sections: Sequence[str]) -> str:
    """Gather the lines of these tables in the sections of a page into one, as a section."""
    lines = [
        line
        for part in sections
        for table in re.findall(rf"^### {TITLE}\n\n((?:\|.*\n)+)", part, re.M)
        for line in table.splitlines()[2:]
    ]
    heads = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}"
    return f"## {TITLE}\n\n{EXPLAINED}\n\n" + "\n".join([heads, *lines]) + "\n"
