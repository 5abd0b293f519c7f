"""Fits what scores of every ordered pair of modalities are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, TypeVar

from spaner_core.data.matches import Labels, SamplePositives, one_a_sample
from spaner_core.evaluation.calibration import HitProbability, TooFewSamples, fit_hit_probability
from spaner_core.evaluation.no_match import Anchors, MatchThreshold, fit_match_threshold
from spaner_core.evaluation.pairs import ordered_pairs
from spaner_core.evaluation.ranking import Rows
from torch import Tensor

from spaner.policy.links import noted_links
from spaner.project import Project
from spaner.search.calibration_file import CalibratedPair
from spaner.search.gallery import anchors_near

FIRST_HITS = 10
RATES = (0.1, 0.01, 0.001)
"""False-accept rates for which cutoffs are stated besides the one that was asked for."""

FittedT = TypeVar("FittedT")


class Judged(NamedTuple):
    """Embeddings (n, D) of a modality's rows, their labels, and how known their kinds look.

    `kinds` (n,) float64 are p-values: how probably a row of an unknown kind would look as known.
    """

    vectors: Tensor
    labels: Labels
    kinds: Tensor | None


def fit_pairs(
    project: Project, rows: Mapping[str, Judged], *, rate: float, by_anchor: bool = False
) -> tuple[list[CalibratedPair], list[str]]:
    """Fit the pairs that `policy.links` allows, and say of which something lacks and why.

    With `by_anchor` a match may be asked to have the query's nearest anchor.
    """
    samples = {
        name: part._replace(
            vectors=one_a_sample(part.vectors, part.labels),
            kinds=None if part.kinds is None else part.kinds[part.labels.first_rows()],
        )
        for name, part in rows.items()
    }
    pairs: list[CalibratedPair] = []
    lacking: list[str] = []
    linked = noted_links(project.config, samples, purpose="search")
    for source, target in ordered_pairs(samples, linked):
        near = partial(anchors_near, project, target)
        queries, gallery = samples[source].vectors, samples[target].vectors
        anchors = (near(queries), near(gallery)) if by_anchor else None
        pair, reasons = _fit_pair(source, target, samples, rate=rate, anchors=anchors)
        lacking += reasons
        if pair.probability is not None or pair.threshold is not None:
            pairs.append(pair)
    return pairs, lacking


def _fit_pair(
    source: str,
    target: str,
    samples: Mapping[str, Judged],
    *,
    rate: float,
    anchors: Anchors | None,
) -> tuple[CalibratedPair, list[str]]:
    """Fit what can be fitted, and say what cannot and why."""
    queries, gallery = samples[source], samples[target]
    relevant = SamplePositives(queries.labels, gallery.labels)
    lacking: list[str] = []

    def fitted(what: str, fit: Callable[[], FittedT]) -> FittedT | None:
        try:
            return fit()
        except TooFewSamples as error:
            lacking.append(f"{source} → {target} has no {what}: {error}")
            return None

    def cutoff(rate: float) -> MatchThreshold:
        return fit_match_threshold(
            queries.vectors,
            gallery.vectors,
            relevant,
            false_accept_rate=rate,
            passing=None if queries.kinds is None else queries.kinds <= rate,
            anchors=anchors,
        )

    threshold = fitted("threshold", partial(cutoff, rate))
    known = len(lacking)
    further = [fitted("", partial(cutoff, each)) for each in RATES]
    del lacking[known:]  # that a strict rate needs more rows is no news
    pair = CalibratedPair(
        source=source,
        target=target,
        queries=len(queries.vectors),
        gallery=len(gallery.vectors),
        probability=fitted(
            "probability", lambda: _fit_probability(queries.vectors, gallery.vectors, relevant)
        ),
        threshold=threshold,
        cutoffs=tuple(one for one in further if one is not None),
    )
    return pair, lacking


def _fit_probability(queries: Tensor, gallery: Tensor, relevant: Rows) -> HitProbability:
    """Fit on the first hits; where hardly one of them is irrelevant, on more of them."""
    k = FIRST_HITS
    while True:
        try:
            return fit_hit_probability(queries, gallery, relevant, k=k)
        except TooFewSamples:
            if k >= len(gallery):
                raise
        k *= 2
