"""The comparison as Markdown: figures, differences paired by seed, and what was tried."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from page import as_section
from spaner.result_tables import Table, interval_cell
from spaner_core.evaluation.intervals import Interval, intervals, paired_differences
from standing import LEVEL, against_best, standing

from baselines.methods import OURS, WITH_PAIRS
from baselines.search import Run, Trial
from baselines.task import Shots

FIGURES = {"mean_recall@1": "R@1", "mean_map": "mAP"}
Trials = Mapping[str, Sequence[Trial]]


def report(runs: Sequence[Run], trials: Trials, *, what: str) -> str:
    """Return everything as Markdown; `what` was measured."""
    shots = sorted({run.shots for run in runs}, key=lambda count: count or float("inf"))
    tables = [_results(runs, trials, shots), _differences(runs, trials, shots)]
    parts = [*map(as_section, tables), "### Verdict\n", verdict(runs, trials, shots)]
    if len({run.seed for run in runs}) > 1:
        parts += map(as_section, _wins(runs, trials, shots, what=what))
    return "\n".join([*parts, as_section(_settings(trials))])


def by_seed(
    runs: Sequence[Run], method: str, shots: Shots
) -> dict[int, Mapping[str, float | None]]:
    """Return the figures of a method at a number of shots, by seed."""
    return {r.seed: r.figures for r in runs if r.method == method and r.shots == shots}


def difference(runs: Sequence[Run], method: str, shots: Shots) -> Mapping[str, Interval]:
    """Return SPANER minus a baseline over the seeds of the baseline; empty where it was not run."""
    theirs = by_seed(runs, method, shots)
    mine = {seed: figures for seed, figures in by_seed(runs, OURS, shots).items() if seed in theirs}
    return paired_differences(mine, theirs) if theirs else {}


def verdict(runs: Sequence[Run], trials: Trials, shots: Sequence[Shots]) -> str:
    """Say for every baseline where SPANER wins against it, loses, or neither for certain."""
    if len({run.seed for run in runs}) < 2:
        return "One seed has no interval: run more to tell what is better.\n"
    lines = []
    for method in _others(trials):
        said = []
        for key, label in FIGURES.items():
            found: dict[str, list[str]] = {}
            for count in shots:
                if (interval := difference(runs, method, count).get(key)) is not None:
                    found.setdefault(standing(interval), []).append(str(count or "all"))
            said += [f"{label} {word} at {', '.join(at)}" for word, at in found.items()]
        lines.append(f"- against **{method}**: {'; '.join(said)}")
    note = (
        f"{OURS} wins or loses where the 95% interval of the paired difference leaves 0 out, and "
        f"is level where it does not and its lower end is at least {LEVEL}. Numbers are shots."
    )
    return "\n".join([note, "", *lines]) + "\n"


def _others(trials: Trials) -> list[str]:
    return [method for method in trials if method not in (OURS, WITH_PAIRS)]


def _wins(runs: Sequence[Run], trials: Trials, shots: Sequence[Shots], *, what: str) -> list[Table]:
    """Compare with the best baseline at the fewest and at the most labels, without and with pairs.

    No baseline has a use for pairs.
    """
    tables = []
    for ours, given in ((OURS, ""), (WITH_PAIRS, ", and pairs")):
        shown = {
            f"{what}, {_title(count)}{given}": {
                method: by_seed(runs, method, count)
                for method in (ours, *_others(trials))
                if by_seed(runs, method, count)
            }
            for count in (shots[0], shots[-1])
        }
        if ours in trials:
            tables.append(against_best(shown, ours, FIGURES))
    return tables


def _title(shots: Shots) -> str:
    return "all labels" if shots is None else f"{shots} shot{'s' * (shots > 1)}"


def _results(runs: Sequence[Run], trials: Trials, shots: Sequence[Shots]) -> Table:
    def cells(method: str) -> list[str]:
        mine = [run for run in runs if run.method == method]
        return [
            *(_pair(intervals(by_seed(runs, method, count)), signed=False) for count in shots),
            f"{statistics.fmean(run.seconds for run in mine):.2f}",
            f"{max(run.parameters for run in mine):,}",
        ]

    title = "Test split, means over the ordered pairs"
    return _table(title, list(trials), [*map(_title, shots), "CPU seconds", "parameters"], cells)


def _differences(runs: Sequence[Run], trials: Trials, shots: Sequence[Shots]) -> Table:
    return _table(
        f"{OURS} minus each other, paired by seed",
        [method for method in trials if method != OURS],
        list(map(_title, shots)),
        lambda method: [_pair(difference(runs, method, count), signed=True) for count in shots],
    )


def _settings(trials: Trials) -> Table:
    def cells(method: str) -> list[str]:
        tried = trials[method]
        best = max(tried, key=lambda trial: trial.score)
        chosen = ", ".join(f"{name} {value}" for name, value in best.settings.items())
        if not best.scores:
            return ["1, untuned", chosen, ""]
        others = [f"{trial.score:.3f}" for trial in tried]
        return [str(len(tried)), chosen, ", ".join(others)]

    heads = ["trials", "chosen", "validation mAP of each"]
    return _table("Settings tried on the validation split", list(trials), heads, cells)


def _table(
    title: str, methods: Sequence[str], heads: Sequence[str], cells: Callable[[str], Sequence[str]]
) -> Table:
    rows = [(method, *cells(method)) for method in methods]
    return Table(title, ("method", *heads), rows)


def _pair(found: Mapping[str, Interval], *, signed: bool) -> str:
    return " / ".join(interval_cell(found[key], signed=signed) for key in FIGURES if key in found)
