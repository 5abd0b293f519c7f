"""Builds tables of results: cells as words, titles that name synthetic rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from spaner_core.data.manifest import Row
    from spaner_core.evaluation.intervals import Interval

NOTHING = "-"
ORIGIN, MADE_UP = "origin", "synthetic"
"""A column of the manifest, and how its cells begin for rows that are made up."""


class Table(NamedTuple):
    """A title, the columns' names and the rows' cells."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def figure_cell(value: float | None) -> str:
    """Show a figure, as `0.912`."""
    return NOTHING if value is None else f"{value:.3f}"


def interval_cell(interval: Interval | None, *, signed: bool = False) -> str:
    """Show a mean and half of its 95% interval, as `0.912 ±0.004`; `signed` for differences."""
    if interval is None or interval.mean is None:
        return NOTHING
    mean = f"{interval.mean:+.3f}" if signed else f"{interval.mean:.3f}"
    half = "" if interval.high is None else f" ±{interval.high - interval.mean:.3f}"
    return mean + half


def seeds_cell(seeds: Sequence[int]) -> str:
    """Name seeds that follow one another, as `0 to 4`."""
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])


def to_markdown(table: Table) -> str:
    """Write a table as Markdown, under its title."""
    lines = [table.columns, ["---"] * len(table.columns), *table.rows]
    written = ["| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines]
    return f"## {table.title}\n\n" + "\n".join(written) + "\n"


def _escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|")


def synthetic_modalities(rows: Mapping[str, Sequence[Row]]) -> tuple[str, ...]:
    """Name the modalities with a row whose `origin` begins with "synthetic"."""
    return tuple(name for name, part in rows.items() if any(map(_is_synthetic, part)))


def synthetic_words(names: Iterable[str]) -> str:
    """Return what a title adds so that made-up rows do not pass for real ones; may be empty."""
    listed = ", ".join(names)
    return f"; {MADE_UP}: {listed}" if listed else ""


def _is_synthetic(row: Row) -> bool:
    return row.metadata.get(ORIGIN, "").lower().startswith(MADE_UP)
