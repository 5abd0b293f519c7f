"""Two things measured side by side: taken in turn, reported as a ratio beside what it should be."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

HEAD = "| what | SPANER | compared with | ratio | aim |\n|---|---|---|---|---|"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A row of a table: `ours` and `other` in words, their ratio, and what it should be.

    `at_least` or `at_most` is the aim; a row with neither is there to be seen.
    """

    what: str
    ours: str
    other: str
    ratio: float
    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        """Return the row as Markdown."""
        cells = (self.what, self.ours, self.other, _figure(self.ratio), self._aim())
        return f"| {' | '.join(cells)} |"

    def _aim(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:g}: {_verdict(self.ratio >= self.at_least)}"
        if self.at_most is not None:
            return f"≤ {self.at_most:g}: {_verdict(self.ratio <= self.at_most)}"
        return "none"


def show(comparisons: Sequence[Comparison], *, notes: Sequence[str] = ()) -> None:
    """Print a table and the notes below it."""
    rows = "\n".join(map(str, comparisons))
    below = "".join(f"- {note}\n" for note in notes)
    sys.stdout.write(f"{HEAD}\n{rows}\n" + (f"\n{below}" if below else ""))


Clock = Callable[[], float]


def take_turns(
    ways: Mapping[str, Callable[[], object]], *, turn: int, clock: Clock = time.perf_counter
) -> dict[str, float]:
    """Run each way once and return its seconds; who begins changes with `turn`."""
    names = list(ways)
    first = turn % len(names)
    seconds = {}
    for name in names[first:] + names[:first]:
        seconds[name] = seconds_of(ways[name], clock=clock)
    return seconds


def seconds_of(work: Callable[[], object], *, clock: Clock = time.perf_counter) -> float:
    """Return how long something takes by a clock."""
    start = clock()
    work()
    return clock() - start


def median_ratio(turns: Sequence[Mapping[str, float]], over: str, under: str) -> float:
    """Return the median over turns of one way's seconds over another's."""
    return statistics.median(turn[over] / turn[under] for turn in turns)


def median_of(turns: Sequence[Mapping[str, float]], name: str) -> float:
    """Return the median of a way's seconds."""
    return statistics.median(turn[name] for turn in turns)


def total(turns: Sequence[Mapping[str, float]], name: str) -> float:
    """Return the sum of a way's seconds."""
    return sum(turn[name] for turn in turns)


def _figure(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 20 else f"{ratio:.1f}" if ratio >= 3 else f"{ratio:.3f}"


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"
