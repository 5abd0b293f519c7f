"""Says why a row was found: by anchors and by parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pyarrow import compute as pc
from spaner_core.contract.sources import describe_source
from spaner_core.contract.transform import Given
from spaner_core.errors import ConfigError, DataError, SpaceError, UnusableInput
from spaner_core.evaluation.ranking import SCORE_STEPS, cosine_steps
from spaner_core.evaluation.shared_anchors import anchor_scores
from spaner_core.features.unusable import reason_of
from spaner_core.space.records import Strength

from spaner.arguments import check_count
from spaner.policy.links import check_links
from spaner.project import Project
from spaner.search.covering import CoveredInput, embed_covered
from spaner.search.explanation import (
    ExplainedSide,
    Explanation,
    PartFall,
    SharedAnchor,
    UsedCalibration,
)
from spaner.search.gallery import open_gallery
from spaner.search.hits import CalibratedHit, Hit
from spaner.search.query import embed_query
from spaner.search.query_parts import QueryPart, check_explained
from spaner.search.usable_calibration import usable_calibration

BUDGET = 64
"""Copies with covered parts that are encoded of the query, and of the hit, by default."""

MOST_ANCHORS, LEAST_SHARE = 5, 0.005


@dataclass(frozen=True, kw_only=True)
class _Side:
    """A side of a match: its embedding (D,), and what covering its parts gave, or why nothing."""

    name: str
    modality: str
    embedding: NDArray[np.float32]
    covered: CoveredInput | None = None
    unread: str | None = None


def explain(
    project: Project,
    query: Sequence[QueryPart],
    hit: Hit,
    *,
    strength: Strength | None = None,
    budget: int = BUDGET,
) -> Explanation:
    """Say why a hit of a single query matches it.

    Of the query and of the hit at most `budget` copies with covered parts are encoded. A hit whose
    file cannot be read any more is named in its place, and the rest is told. Raises `ConfigError`
    where the query has several parts or `budget` is below 1, `DataError` where the hit's row is
    gone, and as `search` does.
    """
    check_count("budget", budget)
    if not isinstance(hit, Hit):
        raise ConfigError(f"hit is a {type(hit).__name__}; give one of the hits of a search")
    check_explained(query)
    (part,) = query
    check_links(project.config, part.source, [hit.modality])
    asked = _side(project, part, strength=strength, budget=budget)
    row = QueryPart(given=hit.id, source=hit.modality, is_row=True)
    found = _side(project, row, strength=strength, budget=budget)
    return _explanation(project, hit, asked, found, strength=strength)


def _side(project: Project, part: QueryPart, *, strength: Strength | None, budget: int) -> _Side:
    """Embed an input or a row as searches do, and with its parts covered."""
    if part.is_row:
        given, embedding = _row(project, part.source, part.given, strength=strength)
    else:
        embedding = embed_query(project, [part], strength=strength, familiar={}).direction
        (read,) = project.assembly.modality(part.source).sources_of(part.given)
        assert not isinstance(read, UnusableInput), "it was embedded"
        given = read
    side = _Side(name=describe_source(given), modality=part.source, embedding=embedding[0])
    try:
        covered = embed_covered(project, part.source, given, strength=strength, most=budget)
    except UnusableInput as error:
        return replace(side, unread=f"{side.name} cannot be read any more: {reason_of(error)}")
    return replace(side, covered=covered)


def _row(
    project: Project, modality: str, id_: str, *, strength: Strength | None
) -> tuple[Given, NDArray[np.float32]]:
    """Return a row's input, and its embedding (1, D) as searches compare it."""
    gallery = open_gallery(project, modality)
    place = pc.index(gallery.rows.cells["id"], id_).as_py()
    if place < 0:
        raise DataError(f"{id_}: no row of {modality!r} has that id any more; search again")
    (source,) = project.sources(modality, gallery.rows.take([place]))
    embedding = gallery.embedding(place, strength=strength)
    if not len(embedding):
        raise DataError(
            f"{describe_source(source)}: it cannot be read any more, and no index has its "
            "embedding; restore it"
        )
    return source, embedding


def _explanation(
    project: Project, hit: Hit, asked: _Side, found: _Side, *, strength: Strength | None
) -> Explanation:
    cosine = int(cosine_steps(asked.embedding[None], found.embedding[None])[0, 0]) / SCORE_STEPS
    anchors, without = _anchors(project, asked, found, strength=strength)
    return Explanation(
        id=hit.id,
        cosine=cosine,
        strength=project.space.strengths.pull(strength),
        anchors=anchors,
        other=None if without else 1 - sum(one.share for one in anchors),
        without_anchors=without,
        query=_explained(project, asked, found.embedding, strength=strength),
        hit=_explained(project, found, asked.embedding, strength=strength),
        calibration=_calibration(project, asked.modality, hit, strength=strength),
    )


def _anchors(
    project: Project, asked: _Side, found: _Side, *, strength: Strength | None
) -> tuple[tuple[SharedAnchor, ...], str | None]:
    """Return the anchors with the largest shares of the score, or why there are none."""
    if asked.covered is None or found.covered is None:
        return (), asked.unread or found.unread
    query, hit = asked.covered.whole, found.covered.whole
    score = float(query.embedding[0].double() @ hit.embedding[0].double())
    if score <= 0:
        return (), "the score is not above 0, so there is nothing to share out"
    pull, anchors = project.space.strengths.pull(strength), project.space.prompt.anchors
    try:
        shares = anchor_scores(query, hit, anchors=anchors, strength=pull) / score
    except SpaceError as error:
        return (), str(error)
    weights = [dict(enumerate(side.weights[0].tolist())) for side in (query, hit)]
    places = shares.argsort(descending=True, stable=True)[:MOST_ANCHORS].tolist()
    return tuple(
        SharedAnchor(
            concept=project.space.concepts[place],
            share=float(shares[place]),
            query_weight=weights[0].get(place, 0.0),
            hit_weight=weights[1].get(place, 0.0),
        )
        for place in places
        if shares[place] >= LEAST_SHARE
    ), None


def _explained(
    project: Project, side: _Side, other: NDArray[np.float32], *, strength: Strength | None
) -> ExplainedSide:
    parts: list[PartFall] = []
    why_not, encodings = side.unread, 0
    if side.covered is not None and len(side.covered.labels) > 1:
        falls = zip(side.covered.labels, side.covered.falls(other).tolist(), strict=True)
        parts = [PartFall(label=label, fall=fall) for label, fall in falls]
        encodings = len(side.covered.covers)
    elif side.covered is not None:
        why_not = (
            "it is a single part"
            if side.covered.labels
            else f"the plugin of {side.modality!r} names no parts of its inputs"
        )
    return ExplainedSide(
        input=side.name,
        modality=side.modality,
        parts=tuple(sorted(parts, key=lambda part: -part.fall)),
        encodings=encodings,
        without_parts=why_not,
        key=project.space.vector_key(side.modality, strength=strength),
    )


def _calibration(
    project: Project, source: str, hit: Hit, *, strength: Strength | None
) -> UsedCalibration | None:
    """Say what a hit's probability comes from, None where it was given none to come from."""
    calibration, _ = usable_calibration(
        project, source=source, targets=[hit.modality], strength=strength
    )
    pair = calibration.pair(source, hit.modality) if calibration else None
    if calibration is None or pair is None or not isinstance(hit, CalibratedHit):
        return None
    return UsedCalibration(
        split=calibration.split,
        queries=pair.queries,
        gallery=pair.gallery,
        probability=hit.probability,
    )
