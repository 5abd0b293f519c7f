"""Searches galleries for the rows nearest to a query, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from spaner_core.space.records import Strength

from spaner.policy.links import check_links
from spaner.project import Project
from spaner.search.calibration_file import Calibration
from spaner.search.familiar_rows import Familiar
from spaner.search.gallery import Chosen, Gallery, choose, open_galleries
from spaner.search.hit_order import Nearest, in_order, matches, probability_of, turn_notices
from spaner.search.hits import CalibratedHit, Hit, Hits, Verdict
from spaner.search.query import embed_query, place_named
from spaner.search.query_parts import Condition, QueryPart
from spaner.search.usable_calibration import usable_calibration, usable_familiar


def search(
    project: Project,
    query: Sequence[QueryPart],
    *,
    targets: Sequence[str],
    k: int = 10,
    split: str | None = None,
    where: Sequence[Condition] = (),
    strength: Strength | None = None,
    each: bool = False,
) -> Hits:
    """Find the `k` rows of the target modalities that belong to the query, the likeliest first.

    Several parts of a `query` are one direction. A sample with several rows is found once; a row
    that is part of the query is not. A row whose id or file name a query spells comes first. Only
    rows of `split` that meet all conditions of `where` are looked at. Where the space is
    calibrated at this `strength`, every hit of a single input is a `CalibratedHit`, and hits of
    several targets are ordered by probability, those that match first. Else, or where a target
    lacks it, they take turns: the best of each target, then the second of each. With `each` there
    are `k` hits of every target, ranked by themselves, one target after the other. A target's index
    serves where it has one, and is exact. Raises `ConfigError` where `policy.links` does not let a
    part's modality find a target, and for a condition on a column that is not there or of another
    type.
    """
    for part in query:  # again: not only a command may ask
        check_links(project.config, part.source, targets)
    galleries = open_galleries(project, list(dict.fromkeys(targets)))
    asked = embed_query(project, query, strength=strength, familiar=_familiar(project, query))
    found, sizes = {}, {}
    for name, gallery in galleries.items():
        among = choose(project, name, gallery.rows, split=split, where=where)
        sizes[name] = int(among.sum())
        found[name] = _nearest(gallery, query, asked.direction, k=k, strength=strength, among=among)
    source, calibration = query[0].source, None
    if len(query) == 1:  # what was calibrated are single inputs
        calibration, notices = usable_calibration(
            project, source=source, targets=targets, strength=strength
        )
        project.say(*notices)
    if not each:
        project.say(*turn_notices(calibration, source=source, targets=targets))
    verdict = Verdict.of(asked.judgement, calibration)
    hits = tuple(
        _hit(rank, nearest, source, calibration, verdict, gallery=sizes[nearest.row.modality])
        for rank, nearest in in_order(
            found, calibration, source=source, k=k, each=each, sizes=sizes
        )
    )
    rate = calibration.false_accept_rate if calibration else None
    return Hits(hits, false_accept_rate=rate, verdict=verdict)


def _familiar(project: Project, query: Sequence[QueryPart]) -> dict[str, Familiar]:
    """Return the familiar rows of the modalities of a query's inputs, and say of stale ones."""
    found = {}
    for name in dict.fromkeys(part.source for part in query if not part.is_row):
        familiar, notices = usable_familiar(project, name)
        project.say(*notices)
        if familiar is not None:
            found[name] = familiar
    return found


def _nearest(
    gallery: Gallery,
    query: Sequence[QueryPart],
    wanted: NDArray[np.float32],
    *,
    k: int,
    strength: Strength | None,
    among: Chosen,
) -> list[Nearest]:
    """Find rows of one gallery; the first is one that the query names, if it names any."""
    for part in query:
        if part.is_row:
            among &= gallery.rows.cells["id"].to_numpy(zero_copy_only=False) != part.given
    name = query[0].name if len(query) == 1 else None
    named = None if name is None else place_named(gallery.rows, name)
    if named is None or not among[named]:
        return gallery.nearest(wanted, k=k, strength=strength, among=among)
    alone = np.zeros_like(among)
    alone[named], among[named] = True, False
    first = gallery.nearest(wanted, k=1, strength=strength, among=alone)
    others = gallery.nearest(wanted, k=k - 1, strength=strength, among=among) if k > 1 else []
    return [*(hit._replace(exact=True) for hit in first), *others]


def _hit(
    rank: int,
    nearest: Nearest,
    source: str,
    calibration: Calibration | None,
    verdict: Verdict | None,
    *,
    gallery: int,
) -> Hit:
    row, cosine, exact, _ = nearest
    hit = Hit(
        rank=rank,
        score=round(cosine, 4),
        id=row.id,
        modality=row.modality,
        input=row.input,
        concept=row.concept,
        exact=exact,
    )
    if calibration is None:
        return hit
    if verdict and verdict.unfamiliar:  # what was fitted says nothing of such queries
        return CalibratedHit(**asdict(hit))
    probability = probability_of(calibration, source, nearest)
    match = matches(calibration, source, nearest, gallery=gallery)
    return CalibratedHit(
        **asdict(hit),
        probability=None if probability is None else round(probability, 4),
        match=match and not (verdict and verdict.unknown_kind),
    )
