"""The comparison as Markdown: figures, differences paired by seed, and what was tried."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from spaner_core.evaluation.intervals import Interval, intervals, paired_differences

from baselines.methods import OURS
from baselines.search import Run, Trial

FIGURES = {"mean_recall@1": "R@1", "mean_map": "mAP"}
Trials = Mapping[str, Sequence[Trial]]


def report(runs: Sequence[Run], trials: Trials) -> str:
    """Return everything as Markdown."""
    shots = sorted({run.shots for run in runs})
    parts = ["### Test split, means over the six ordered pairs", _results(runs, trials, shots)]
    parts += [f"### {OURS} minus baseline, paired by seed", _differences(runs, trials, shots)]
    parts += ["### Verdict", verdict(runs, trials, shots)]
    parts += ["### Settings tried on the validation split", _settings(trials)]
    return "\n\n".join(parts) + "\n"


def by_seed(runs: Sequence[Run], method: str, shots: int) -> dict[int, Mapping[str, float | None]]:
    """Return the figures of a method at a number of shots, by seed."""
    return {r.seed: r.figures for r in runs if r.method == method and r.shots == shots}


def difference(runs: Sequence[Run], method: str, shots: int) -> Mapping[str, Interval]:
    """Return SPANER minus a baseline over the seeds of the baseline; empty where it was not run."""
    theirs = by_seed(runs, method, shots)
    mine = {seed: figures for seed, figures in by_seed(runs, OURS, shots).items() if seed in theirs}
    return paired_differences(mine, theirs) if theirs else {}


def verdict(runs: Sequence[Run], trials: Trials, shots: Sequence[int]) -> str:
    """Say for every baseline where it is behind SPANER, ahead of it, or neither for certain."""
    if len({run.seed for run in runs}) < 2:
        return "One seed has no interval: run more to tell what is better."
    lines = []
    for method in trials:
        if method == OURS:
            continue
        said = []
        for key, label in FIGURES.items():
            found: dict[str, list[str]] = {"behind": [], "level": [], "ahead": []}
            for count in shots:
                if (interval := difference(runs, method, count).get(key)) is not None:
                    found[_standing(interval)].append(str(count))
            said += [f"{label} {word} at {', '.join(at)}" for word, at in found.items() if at]
        lines.append(f"- **{method}**: {'; '.join(said)}")
    note = (
        f"Behind or ahead of {OURS} where the 95% interval of the paired difference leaves 0 out."
    )
    return "\n".join([f"{note} Numbers are shots.", "", *lines])


def _standing(interval: Interval) -> str:
    if interval.low is not None and interval.low > 0:
        return "behind"
    return "ahead" if interval.high is not None and interval.high < 0 else "level"


def _results(runs: Sequence[Run], trials: Trials, shots: Sequence[int]) -> str:
    def cell(method: str, count: int) -> str:
        return _pair(intervals(by_seed(runs, method, count)), signed=False)

    def cost(method: str) -> list[str]:
        mine = [run for run in runs if run.method == method]
        return [
            f"{statistics.fmean(run.seconds for run in mine):.2f}",
            f"{max(run.parameters for run in mine):,}",
        ]

    heads = [*(f"{count} shot{'s' * (count > 1)}" for count in shots), "CPU seconds", "parameters"]
    return _table(list(trials), heads, lambda m: [*(cell(m, count) for count in shots), *cost(m)])


def _differences(runs: Sequence[Run], trials: Trials, shots: Sequence[int]) -> str:
    methods = [method for method in trials if method != OURS]
    heads = [f"{count} shot{'s' * (count > 1)}" for count in shots]
    return _table(
        methods,
        heads,
        lambda method: [_pair(difference(runs, method, count), signed=True) for count in shots],
    )


def _settings(trials: Trials) -> str:
    def cells(method: str) -> list[str]:
        tried = trials[method]
        best = max(tried, key=lambda trial: trial.score)
        chosen = ", ".join(f"{name} {value}" for name, value in best.settings.items())
        if not best.scores:
            return ["1, untuned", chosen, ""]
        others = [f"{trial.score:.3f}" for trial in tried]
        return [str(len(tried)), chosen, ", ".join(others)]

    return _table(list(trials), ["trials", "chosen", "validation mAP of each"], cells)


def _table(
    methods: Sequence[str], heads: Sequence[str], cells: Callable[[str], Sequence[str]]
) -> str:
    lines = [f"| method | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    lines += [f"| {method} | {' | '.join(cells(method))} |" for method in methods]
    return "\n".join(lines)


def _pair(found: Mapping[str, Interval], *, signed: bool) -> str:
    return " / ".join(_show(found[key], signed=signed) for key in FIGURES if key in found)


def _show(interval: Interval, *, signed: bool) -> str:
    mean = f"{interval.mean or 0:{'+' if signed else ''}.3f}"
    if interval.low is None or interval.high is None:
        return mean
    return f"{mean} ±{(interval.high - interval.low) / 2:.3f}"
