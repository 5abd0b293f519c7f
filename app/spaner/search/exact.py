"""Searches exactly: the query's cosine with every row of the targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from spaner_core.evaluation.ranking import SCORE_STEPS, cosine_steps
from spaner_core.space.records import Strength

from spaner.policy.links import check_links
from spaner.project import Project
from spaner.search.calibration_file import Calibration
from spaner.search.hit_order import Nearest, in_order, probability_of
from spaner.splits import split_rows


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One row that was found; `score` is the cosine with the query, -1 to 1.

    Scores of different modalities do not compare: each has a level of its own.
    """

    rank: int
    score: float
    id: str
    modality: str
    input: str
    concept: str | None


@dataclass(frozen=True, kw_only=True)
class CalibratedHit(Hit):
    """A hit where the space is calibrated.

    `probability`, 0 to 1, says how probably it is relevant, and `match` whether its score reaches
    its pair's no-match threshold; None where that pair's calibration lacks it.
    """

    probability: float | None
    match: bool | None


def search(
    project: Project,
    query: str,
    *,
    source: str,
    targets: Sequence[str],
    k: int = 10,
    split: str | None = None,
    strength: Strength | None = None,
    calibration: Calibration | None = None,
    each: bool = False,
) -> list[Hit]:
    """Find the `k` rows of the target modalities that belong to the query, the likeliest first.

    `query` is a path, or a text where the source modality takes one. A sample with several rows
    is found once. With a `calibration`, one that fits the space and `strength`, every hit is a
    `CalibratedHit`, and hits of several targets are ordered by probability. Without one, or where
    it lacks a target, they take turns, as `ranking.turn_notices` says: the best of each target,
    then the second of each. With `each` there are `k` hits of every target, ranked by themselves,
    one target after the other. Raises `ConfigError` where `policy.links` does not let `source`
    find a target.
    """
    check_links(project.config, source, targets)  # again: not only a command may ask
    targets = list(dict.fromkeys(targets))
    project.check_query(query, source)
    for name in (source, *targets):
        project.check_modality(name, rows=1)  # which costs what the query does
    wanted = project.space.encode(query, modality=source, strength=strength)
    found = {
        target: _nearest(project, wanted, target, k=k, split=split, strength=strength)
        for target in targets
    }
    return [
        _hit(rank, nearest, source=source, calibration=calibration)
        for rank, nearest in in_order(found, calibration, source=source, k=k, each=each)
    ]


def no_match(hits: Sequence[Hit]) -> bool:
    """Whether the answer is "no match": every hit stays below its pair's threshold."""
    return bool(hits) and all(isinstance(h, CalibratedHit) and h.match is False for h in hits)


def _nearest(
    project: Project,
    wanted: NDArray[np.float32],
    target: str,
    *,
    k: int,
    split: str | None,
    strength: Strength | None,
) -> list[Nearest]:
    """Find the `k` rows of one modality nearest to the embedding `wanted` (1, D)."""
    usable = project.features(target, split_rows(project.manifest, target, split).samples)
    gallery = project.space.embed(target, usable.features, strength=strength)
    steps = cosine_steps(wanted, gallery)[0]
    # stable: rows that tie keep the manifest's order
    best = np.argsort(-steps, kind="stable")[:k]
    return [Nearest(usable.rows[place], int(steps[place]) / SCORE_STEPS) for place in best]


def _hit(rank: int, nearest: Nearest, *, source: str, calibration: Calibration | None) -> Hit:
    row, cosine = nearest
    hit = Hit(
        rank=rank,
        score=round(cosine, 4),
        id=row.id,
        modality=row.modality,
        input=row.input,
        concept=row.concept,
    )
    if calibration is None:
        return hit
    pair = calibration.pair(source, row.modality)
    probability = probability_of(calibration, source, nearest)
    return CalibratedHit(
        **asdict(hit),
        probability=None if probability is None else round(probability, 4),
        match=pair.threshold.passes(cosine) if pair and pair.threshold else None,
    )
