"""Calibrates a space on validation rows, for every ordered pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from spaner_core.data.matches import Labels, number_rows
from spaner_core.errors import DataError, OutputExists
from spaner_core.evaluation.calibration import TooFewSamples
from torch import Tensor

from spaner.arguments import check_rates
from spaner.evaluation.embedded_rows import EmbeddedRows, embed_split
from spaner.output_paths import check_writable
from spaner.policy.links import linked_for
from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.search.calibration_file import (
    Calibration,
    calibration_path,
    existing_calibration,
    write_calibration,
)
from spaner.search.familiar_rows import (
    UNFAMILIAR,
    FamiliarRows,
    FittedFamiliar,
    fit_familiar,
    grouping_column,
)
from spaner.search.fit_pairs import Judged, fit_pairs
from spaner.splits import VALIDATION_SPLIT, check_calibration_split


@dataclass(frozen=True, kw_only=True, repr=False)
class CalibrationReport(Report):
    """What a calibration found, and where it was written.

    `familiar` says of modalities what their queries are compared with.
    """

    path: Path
    calibration: Calibration
    familiar: Mapping[str, FamiliarRows]

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited({"pairs": len(self.calibration.pairs)}, self.calibration.keys)

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
    unfamiliar_rate: float = UNFAMILIAR,
    strength: float | None = None,
    overwrite: bool = False,
) -> CalibrationReport:
    """Fit hit probabilities and no-match thresholds on a split, and write them beside the space.

    With them go rows of each modality that may find something: queries are compared with these, and
    of queries that are like them about the share `unfamiliar_rate` is called unfamiliar.

    Every ordered pair of modalities that `policy.links` lets find one another is fitted; what a
    pair has too little data for is named in the notices and left out. Where the space knows kinds
    and things, and no `strength` is given, both are fitted. Raises `OutputExists` where
    there is a calibration and `overwrite` is false, `ConfigError` for a rate that is none or a
    split that must not be used, `DataError` where the split has too few rows.
    """
    check_rates(false_accept=false_accept_rate, unfamiliar=unfamiliar_rate)
    _check_request(project, split, overwrite=overwrite)
    embedded = embed_split(project, split, strength=strength)
    labels = {name: number_rows(part.rows, project.manifest) for name, part in embedded.items()}
    familiar, more = _fit_familiar(project, list(embedded), split, rate=unfamiliar_rate)
    judged = {
        name: Judged(part.embeddings, labels[name], _kinds(project, part, familiar.get(name)))
        for name, part in embedded.items()
    }
    pairs, lacking = fit_pairs(project, judged, rate=false_accept_rate, by_anchor=True)
    if not pairs:
        first = lacking[0] if lacking else "policy.links lets none of its modalities find another"
        raise DataError(f"{project.manifest.path}: split {split!r} calibrates no pair: {first}")
    strengths = next(iter(embedded.values())).strengths
    keys = {n: project.space.vector_key(n, strength=strengths["kind"]) for n in embedded}
    calibration = Calibration(
        split=split, false_accept_rate=false_accept_rate, keys=keys, pairs=tuple(pairs)
    )
    if strength is None and len(project.space.strengths.trained) > 1:
        calibration, of_things = _with_things(project, calibration, embedded, labels)
        lacking += of_things
    kept = {name: one.familiar for name, one in familiar.items()}
    path = write_calibration(project.config.space, calibration, kept)
    project.say(*lacking, *more)
    records = {name: one.record for name, one in kept.items()}
    return CalibrationReport(path=path, calibration=calibration, familiar=records)


def _fit_familiar(
    project: Project, names: Sequence[str], split: str, *, rate: float
) -> tuple[dict[str, FittedFamiliar], list[str]]:
    """Choose familiar rows of the modalities that may find something, and say where not and why."""
    found: dict[str, FittedFamiliar] = {}
    lacking = []
    linked = linked_for(project.config, "search")
    for name in names:
        if not any(linked(name, target) for target in names if target != name):
            continue  # what finds nothing asks nothing
        try:
            found[name] = fit_familiar(project, name, split, rate=rate)
        except TooFewSamples as error:
            lacking.append(f"nothing says which queries of {name!r} are unfamiliar: {error}")
            continue
        if found[name].lacking:
            lacking.append(
                f"nothing says which queries of {name!r} are of unknown kinds: "
                f"{found[name].lacking}"
            )
    return found, lacking


def _kinds(project: Project, part: EmbeddedRows, familiar: FittedFamiliar | None) -> Tensor | None:
    """Say how probably rows of an unknown kind would look as known as each row, (n,) float64."""
    return None if familiar is None else familiar.kind_p_values(project, part.rows)


def _check_request(project: Project, split: str, *, overwrite: bool) -> None:
    check_calibration_split(split)
    path = calibration_path(project.config.space)
    check_writable(path, given=str(path))
    existing = existing_calibration(project.config.space)
    if existing is not None and not overwrite:
        raise OutputExists(f"{existing} exists; give --overwrite to calibrate anew")
    if split not in project.manifest.splits:
        raise DataError(
            f"{project.manifest.path}: no row has split {split!r}; its splits are: "
            f"{', '.join(project.manifest.splits) or 'none'}; a calibration needs rows that were "
            f"neither trained nor tested on: give some of them split {VALIDATION_SPLIT}"
        )
    grouping_column(project)


def _with_things(
    project: Project,
    kinds: Calibration,
    embedded: Mapping[str, EmbeddedRows],
    labels: Mapping[str, Labels],
) -> tuple[Calibration, list[str]]:
    """Add what hits of the very same thing are worth, among the modalities that have items."""
    of_things = {
        name: Judged(part.of_things, labels[name].by_item(), None)
        for name, part in embedded.items()
        if any(part.rows.distinct("item"))
    }
    pairs, lacking = fit_pairs(project, of_things, rate=kinds.false_accept_rate)
    lacking = [f"by item, {reason}" for reason in lacking]
    if not pairs:
        return kinds, lacking
    keys = {name: project.space.vector_key(name, strength="thing") for name in of_things}
    return replace(
        kinds, things=replace(kinds, keys=keys, pairs=tuple(pairs), same="thing")
    ), lacking
