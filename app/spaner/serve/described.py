"""Describes a space: what may find what, and how well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pyarrow import compute as pc
from spaner_core.errors import ConfigError, SpanerError
from spaner_core.space.records import Strength

from spaner.index.files import ModalityIndex
from spaner.policy.links import check_links, is_served
from spaner.project import Project
from spaner.search.calibration_file import CalibratedPair
from spaner.search.usable_calibration import usable_calibration
from spaner.serve.indexed import indexed

SAMPLES = 3
"""Rows of each modality that the page offers as queries."""
MOST_VALUES = 100
"""Values of a column that are named."""


def describe_space(project: Project) -> dict[str, Any]:
    """Say of each declared modality how many rows it has, what it may find, and what that gives."""
    names = list(project.config.modalities)
    opened = {name: _open(project, name) for name in names}
    space = project.space
    return {
        "modalities": [_modality(project, name, *opened[name], names=names) for name in names],
        "concepts": len(space.concepts),
        "strength": space.strengths.pull(None),
        "strengths": {name: space.strengths.pull(name) for name in space.strengths.trained},
        "columns": list(_columns([index for index, _ in opened.values() if index])),
        "notices": list(project.notices),
    }


def _open(project: Project, name: str) -> tuple[ModalityIndex | None, str | None]:
    """Return the index of a modality, or why it cannot be searched."""
    try:
        return indexed(project, name), None
    except SpanerError as error:
        return None, str(error)


def _columns(indexes: Sequence[ModalityIndex]) -> Iterator[dict[str, Any]]:
    """Give each column that conditions may name with its most frequent values."""
    counted: dict[str, Counter[str]] = {}
    for index in indexes:
        for name, cells in index.rows.cells.items():
            if name not in ("id", "input", "modality"):
                for found in pc.value_counts(cells.drop_null()).to_pylist():
                    counted.setdefault(name, Counter())[found["values"]] += found["counts"]
    for name, values in sorted(counted.items()):
        most = [{"value": one, "count": count} for one, count in values.most_common(MOST_VALUES)]
        yield {"name": name, "values": most}


def _modality(
    project: Project,
    name: str,
    index: ModalityIndex | None,
    problem: str | None,
    *,
    names: list[str],
) -> dict[str, Any]:
    described = project.registry.load(name).modality
    return {
        "name": name,
        "summary": described.summary,
        "takes_text": described.inline,
        "suffixes": list(described.suffixes),
        "rows": 0 if index is None else len(index.rows),
        "problem": problem,
        "finds": {target: _link(project, name, target) for target in names},
        "samples": list(_samples(index)) if index and is_served(project.config, name) else [],
    }


def _link(project: Project, source: str, target: str) -> dict[str, Any]:
    try:
        check_links(project.config, source, [target])
    except ConfigError as error:
        return {"allowed": False, "why": str(error)}
    return {"allowed": True, **pair_figures(project, source, target, strength=None)}


def pair_figures(
    project: Project, source: str, target: str, *, strength: Strength | None
) -> dict[str, Any]:
    """Say what a calibration that fits knows of an ordered pair; nothing where there is none."""
    try:
        calibration, _ = usable_calibration(
            project, source=source, targets=[target], strength=strength
        )
        rows = len(indexed(project, target).rows)
    except SpanerError:
        return {}
    pair = calibration.pair(source, target) if calibration else None
    return {} if pair is None else _figures(pair, rows=rows)


def _figures(pair: CalibratedPair, *, rows: int) -> dict[str, Any]:
    """Say what a pair is worth; a gallery of more `rows` is answered from a higher cosine."""
    threshold, probability = pair.threshold, pair.probability
    found: dict[str, Any] = {"queries": pair.queries, "gallery": pair.gallery}
    if threshold is not None:
        rejected, cosine = threshold.false_reject_rate, threshold.at(rows)
        found |= {
            "accept_rate": threshold.asked,
            "answered": None if rejected is None else 1 - rejected,
            "answer_from_cosine": round(cosine, 4),
        }
        if probability is not None:
            found["answer_from"] = round(probability.at(cosine), 4)
    return found


def _samples(index: ModalityIndex) -> Iterator[dict[str, Any]]:
    """Give rows spread over the index, of concepts that differ where there are as many."""
    places = np.linspace(0, len(index.rows) - 1, num=min(len(index.rows), 8 * SAMPLES))
    spread = [index.rows[int(place)] for place in np.unique(places.astype(int))]
    first = list({row.concept: row for row in reversed(spread)}.values())[::-1]
    for row in (*first, *(row for row in spread if row not in first))[:SAMPLES]:
        yield {"id": row.id, "modality": row.modality, "input": row.input, "concept": row.concept}
