"""Calibrates a space on validation rows, for every ordered pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any, TypeVar

from spaner_core.data.matches import Labels, SamplePositives, number_rows, one_a_sample
from spaner_core.errors import DataError, OutputExists
from spaner_core.evaluation.calibration import HitProbability, TooFewSamples, fit_hit_probability
from spaner_core.evaluation.no_match import fit_match_threshold
from spaner_core.evaluation.ranking import Rows
from torch import Tensor

from spaner.arguments import check_false_accept_rate
from spaner.evaluation.embedded_rows import EmbeddedRows, embed_split
from spaner.output_paths import check_writable
from spaner.policy.links import may_find
from spaner.project import Project
from spaner.reports import Report
from spaner.search.calibration_file import (
    CalibratedPair,
    Calibration,
    calibration_path,
    write_calibration,
)
from spaner.splits import VALIDATION_SPLIT, check_calibration_split

FIRST_HITS = 10
FittedT = TypeVar("FittedT")


@dataclass(frozen=True, kw_only=True, repr=False)
class CalibrationReport(Report):
    """What a calibration found, and where it was written."""

    path: Path
    calibration: Calibration

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return what was fitted of each pair, for kinds and, where they were fitted, things."""
        parts = {"kind": self.calibration, "thing": self.calibration.things}
        return [
            {"same": same, **asdict(pair)}
            for same, part in parts.items()
            for pair in (part.pairs if part else ())
        ]


def calibrate(
    project: Project,
    *,
    split: str = VALIDATION_SPLIT,
    false_accept_rate: float = 0.05,
    strength: float | None = None,
    overwrite: bool = False,
) -> CalibrationReport:
    """Fit hit probabilities and no-match thresholds on a split, and write them beside the space.

    Every ordered pair of modalities that `policy.links` lets find one another is fitted; what a
    pair has too little data for is named in the notices and left out. Where the space knows kinds
    and things, and no `strength` is given, both are fitted. Raises `OutputExists` where
    there is a calibration and `overwrite` is false, `ConfigError` for a rate that is none or a
    split that must not be used, `DataError` where the split has too few rows.
    """
    path = calibration_path(project.config.space)
    _check_request(project, path, split, rate=false_accept_rate, overwrite=overwrite)
    embedded = embed_split(project, split, strength=strength)
    labels = {name: number_rows(part.rows, project.manifest) for name, part in embedded.items()}
    vectors = {name: part.embeddings for name, part in embedded.items()}
    pairs, lacking = _fit_pairs(project, vectors, labels, rate=false_accept_rate)
    if not pairs:
        first = lacking[0] if lacking else "policy.links lets none of its modalities find another"
        raise DataError(f"{project.manifest.path}: split {split!r} calibrates no pair: {first}")
    strengths = next(iter(embedded.values())).strengths
    keys = {n: project.space.vector_key(n, strength=strengths["kind"]) for n in embedded}
    calibration = Calibration(
        split=split, false_accept_rate=false_accept_rate, keys=keys, pairs=tuple(pairs)
    )
    if strength is None and len(project.space.strengths.trained) > 1:
        calibration, more = _with_things(project, calibration, embedded, labels)
        lacking += more
    write_calibration(path, calibration)
    project.say(*lacking)
    return CalibrationReport(path=path, calibration=calibration)


def _check_request(
    project: Project, path: Path, split: str, *, rate: float, overwrite: bool
) -> None:
    check_false_accept_rate(rate)
    check_calibration_split(split)
    check_writable(path, given=str(path))
    if path.exists() and not overwrite:
        raise OutputExists(f"{path} exists; give --overwrite to calibrate anew")
    if split not in project.manifest.splits:
        raise DataError(
            f"{project.manifest.path}: no row has split {split!r}; its splits are: "
            f"{', '.join(project.manifest.splits) or 'none'}; a calibration needs rows that were "
            f"neither trained nor tested on: give some of them split {VALIDATION_SPLIT}"
        )


def _with_things(
    project: Project,
    kinds: Calibration,
    embedded: Mapping[str, EmbeddedRows],
    labels: Mapping[str, Labels],
) -> tuple[Calibration, list[str]]:
    """Add what hits of the very same thing are worth, among the modalities that have items."""
    of_things = {
        name: part.of_things for name, part in embedded.items() if any(part.rows.distinct("item"))
    }
    by_item = {name: labels[name].by_item() for name in of_things}
    pairs, lacking = _fit_pairs(project, of_things, by_item, rate=kinds.false_accept_rate)
    lacking = [f"by item, {reason}" for reason in lacking]
    if not pairs:
        return kinds, lacking
    keys = {name: project.space.vector_key(name, strength="thing") for name in of_things}
    return replace(kinds, things=replace(kinds, keys=keys, pairs=tuple(pairs))), lacking


def _fit_pairs(
    project: Project, vectors: Mapping[str, Tensor], labels: Mapping[str, Labels], *, rate: float
) -> tuple[list[CalibratedPair], list[str]]:
    samples = {name: one_a_sample(part, labels[name]) for name, part in vectors.items()}
    pairs: list[CalibratedPair] = []
    lacking: list[str] = []
    for source, target in permutations(vectors, 2):
        if not may_find(project.config, source, target):
            continue
        pair, reasons = _fit_pair(source, target, samples, labels, rate=rate)
        lacking += reasons
        if pair.probability is not None or pair.threshold is not None:
            pairs.append(pair)
    return pairs, lacking


def _fit_pair(
    source: str,
    target: str,
    samples: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    *,
    rate: float,
) -> tuple[CalibratedPair, list[str]]:
    """Fit what can be fitted, and say what cannot and why."""
    queries, gallery = samples[source], samples[target]
    relevant = SamplePositives(labels[source], labels[target])
    lacking: list[str] = []

    def fitted(what: str, fit: Callable[[], FittedT]) -> FittedT | None:
        try:
            return fit()
        except TooFewSamples as error:
            lacking.append(f"{source} → {target} has no {what}: {error}")
            return None

    pair = CalibratedPair(
        source=source,
        target=target,
        queries=len(queries),
        gallery=len(gallery),
        probability=fitted("probability", lambda: _fit_probability(queries, gallery, relevant)),
        threshold=fitted(
            "threshold",
            lambda: fit_match_threshold(queries, gallery, relevant, false_accept_rate=rate),
        ),
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
