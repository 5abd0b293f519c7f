"""Gathers what a report's page shows, in words and numbers."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch
from spaner_core.errors import ConfigError

from spaner.policy.links import link_notices
from spaner.project import Project
from spaner.report.findings import Compared, Findings, ordered
from spaner.report.first_hits import Gain
from spaner.report.verdict import ARROW, FAIR, GOOD, grade, judge, per_cent, points, ranked_pairs
from spaner.result_tables import figure_cell, synthetic_modalities

LISTED = 20
"""Unusable rows, or concepts, that are named one by one."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the reader wants to know, and what a right first hit is worth to them.

    Raises `ConfigError` for a value that is no number of 0 or more.
    """

    question: str | None = None
    value_per_hit: float | None = None

    def __post_init__(self) -> None:
        value = self.value_per_hit
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ConfigError(f"value_per_hit {value}: expected a number of 0 or more; give one")


def view_of(project: Project, found: Findings, asked: Asked, *, made: str) -> dict[str, Any]:
    """Return everything that the page's template shows."""
    names = tuple(found.embedded)
    return {
        "title": asked.question or "Does it work on our data?",
        "asked": asked,
        "verdict": judge(found),
        "made": made,
        "split": found.figures.split if found.figures else None,
        "names": names,
        "prompt": project.space.fingerprint[:16],
        "cards": list(_cards(found)),
        "gain": _gain_words(found, asked),
        "kinds": _matrix(found.kinds, names),
        "things": _matrix(found.things, names),
        "mixed": _mixed(found, names),
        "synthetic": synthetic_modalities({n: part.rows for n, part in found.embedded.items()}),
        "good": per_cent(GOOD),
        "fair": per_cent(FAIR),
        "counts": list(_counts(project, found)),
        "limits": list(_limits(project, found)),
        "lacking": found.lacking,
        "notices": project.notices,
        "versions": _versions(),
        "config": project.config.path.name,
        "seed": project.config.training.seed,
    }


def _cards(found: Findings) -> Iterator[dict[str, str]]:
    sorts: Sequence[tuple[str, str, Compared | None]] = (
        ("The same kind is found first", "class means", found.kinds),
        ("The very same thing is found first", "ridge regression", found.things),
    )
    for title, method, compared in sorts:
        if compared is not None and compared.mean is not None:
            plain = compared.plain_mean
            yield {
                "title": title,
                "figure": per_cent(compared.mean.mean),
                "interval": _ends(compared.mean),
                "baseline": f"{method}: {per_cent(plain.mean)} ({_ends(plain)})"
                if plain
                else f"{method}: not measured",
                "gain": points(compared.gain) if compared.gain else "",
            }
    if pairs := ranked_pairs(found):
        (source, target), hits = pairs[0]
        compared = found.kinds or found.things
        plain_hits = compared.plain.get((source, target)) if compared else None
        low, high = hits.interval() or (0.0, 1.0)
        yield {
            "title": f"The weakest direction: {source}{ARROW}{target}",
            "figure": per_cent(hits.share or 0),
            "interval": f"95%: {per_cent(low)} to {per_cent(high)}",
            "baseline": "without alignment: "
            + (per_cent(plain_hits.share) if plain_hits and plain_hits.share is not None else "-"),
            "gain": f"{len(hits.right)} queries",
        }


def _ends(gain: Gain) -> str:
    return f"95%: {per_cent(gain.low)} to {per_cent(gain.high)}"


def _gain_words(found: Findings, asked: Asked) -> str | None:
    compared = found.kinds or found.things
    if asked.value_per_hit is None or compared is None or compared.gain is None:
        return None
    per_thousand = 1000 * compared.gain.mean
    worth = per_thousand * asked.value_per_hit
    low, high = (
        1000 * end * asked.value_per_hit for end in (compared.gain.low, compared.gain.high)
    )
    return (
        f"At {asked.value_per_hit:g} for each right first hit, alignment is worth {worth:+,.0f} in "
        f"1,000 queries (95%: {low:+,.0f} to {high:+,.0f}) over the baseline."
    )


def _matrix(compared: Compared | None, names: Sequence[str]) -> list[dict[str, Any]] | None:
    """Return a row a query modality, each a cell a modality that is found."""
    if compared is None:
        return None
    having = [name for name in names if any(name in pair for pair in compared.ours)]
    rows: dict[str, dict[str, Any]] = {name: {"name": name, "cells": []} for name in having}
    for source in having:
        for target in having:
            hits, plain = compared.ours.get((source, target)), compared.plain.get((source, target))
            cell: dict[str, Any] = {"same": source == target}
            if hits is not None and (ends := hits.interval()) is not None:
                cell |= {
                    "share": per_cent(hits.share or 0),
                    "interval": f"{100 * ends[0]:.0f} to {100 * ends[1]:.0f}",
                    "queries": f"{len(hits.right):,}",
                    "grade": grade(hits),
                    "plain": per_cent(plain.share) if plain and plain.share is not None else None,
                }
            rows[source]["cells"].append(cell)
    return list(rows.values())


def _mixed(found: Findings, names: Sequence[str]) -> list[dict[str, str]]:
    figures = found.figures
    if figures is None:
        return []
    return [
        {
            "name": name,
            "recall": figure_cell(figures.get(f"{name}_among_all_recall@1")),
            "map": figure_cell(figures.get(f"{name}_among_all_map")),
        }
        for name in names
    ]


def _counts(project: Project, found: Findings) -> Iterator[dict[str, Any]]:
    for name in project.config.modalities:
        rows = project.manifest.select(name)
        yield {
            "name": name,
            "rows": f"{len(rows):,}",
            "labelled": f"{len(rows.labelled):,}",
            "splits": ", ".join(
                f"{split} {len(rows.having('split', [split])):,}" for split in rows.splits
            )
            or "none",
            "measured": f"{len(found.embedded[name].rows):,}" if name in found.embedded else "none",
            "unusable": f"{project.quarantine.counts.get(name, 0):,}",
        }


def _limits(project: Project, found: Findings) -> Iterator[str]:
    names = tuple(found.embedded)
    yield from link_notices(project.config, names)
    trained = project.manifest.concepts
    for name in names:
        unseen = project.space.unseen(name, trained)
        if unseen:
            shown = ", ".join(unseen[:LISTED]) + (", ..." if len(unseen) > LISTED else "")
            yield f"{name} had no labelled row of {len(unseen)} concepts: {shown}"
    parts = [part for part in (found.kinds, found.things) if part]
    for pair in ordered(names) if parts else ():
        if not any(pair in part.ours and len(part.ours[pair].right) for part in parts):
            yield f"{ARROW.join(pair)} has no figure: no query has an answer there that is measured"
    yield "Rows of one thing count as one where intervals of means are computed."
    yield "Not tested here: data of other sources than the manifest's, noise, fewer labels, drift."


def _versions() -> Mapping[str, str]:
    return {
        "spaner": version("spaner"),
        "torch": torch.__version__,
        "Python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
