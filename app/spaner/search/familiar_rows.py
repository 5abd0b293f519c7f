"""Chooses the rows that new inputs of a modality are compared with."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from spaner_core.data.manifest import Rows
from spaner_core.data.matches import number_rows
from spaner_core.errors import ConfigError
from spaner_core.evaluation.calibration import TooFewSamples
from spaner_core.evaluation.familiarity import (
    Familiarity,
    draw_references,
    fit_familiarity,
)
from spaner_core.evaluation.known_kinds import KnownKinds, fit_known_kinds
from spaner_core.space.embeddings import VectorKey
from spaner_core.space.readings import read_rows
from torch import Tensor

from spaner.project import Project
from spaner.splits import trained_split

UNFAMILIAR = 0.05
"""Share of known inputs that may be called unfamiliar, where nobody says another."""


@dataclass(frozen=True, kw_only=True)
class FamiliarRows:
    """What a calibration says of a modality's familiar rows, besides their numbers.

    `key` is what these depend on; its strength, 0, means nothing. An input counts as unfamiliar
    where its p-value is at most `rate`, above 0 and below 1. It is compared with `references` rows;
    `held_out` rows of the calibration's split say how near such rows lie, and come from so many
    `groups`, None where nothing names any. Raises `ValueError` for any other rate.
    """

    key: VectorKey
    rate: float
    references: int
    held_out: int
    groups: int | None

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise ValueError(f"a rate of {self.rate}")


@dataclass(frozen=True, kw_only=True)
class Familiar:
    """The familiar rows of a modality: what is said of them, their numbers, the references' ids.

    `kinds` are what kinds are recognised by, None where too few concepts are known.
    """

    record: FamiliarRows
    measure: Familiarity
    kinds: KnownKinds | None
    ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FittedFamiliar:
    """Familiar rows as they are fitted: with the groups of the references, where they have any.

    `lacking` says why kinds are not recognised, empty where they are.
    """

    familiar: Familiar
    groups: Sequence[str] | None
    lacking: str

    def kind_p_values(self, project: Project, rows: Rows) -> Tensor | None:
        """Judge the kinds of rows of the manifest by references of other groups, (n,) float64."""
        kinds = self.familiar.kinds
        if kinds is None:
            return None
        units = _units(project, self.familiar.record.key.modality, rows)[1]
        column = project.config.calibration.group_by
        if self.groups is None or column is None:
            return kinds.p_values(units)
        names = group_names(rows, column)
        return kinds.p_values(units, groups=(_numbered(names, self.groups), _numbered(self.groups)))


def grouping_column(project: Project) -> str | None:
    """Return the column named by `calibration.group_by`; None where none is.

    Raises `ConfigError` where the manifest has no such column.
    """
    column, manifest = project.config.calibration.group_by, project.manifest
    if column is None or column in manifest.rows.cells:
        return column
    known = list(manifest.rows.cells)
    near = difflib.get_close_matches(column, known, n=1)
    raise ConfigError(
        f"{project.config.locate('calibration', 'group_by')}: {manifest.path} has no column "
        f"{column!r}; it has {', '.join(known)}; "
        + (f"did you mean {near[0]!r}?" if near else "name one of them, or leave group_by out")
    )


def fit_familiar(project: Project, modality: str, split: str, *, rate: float) -> FittedFamiliar:
    """Compare rows of a modality's split with those that it was trained on.

    With `calibration.group_by`, and values in that column, each is compared with those of other
    groups; an empty cell is a group of its own. Where the split has one group alone, training rows
    are compared so, too. Raises `TooFewSamples` as `fit_familiarity`, and where the modality's
    aligner is not core's.
    """
    manifest = project.manifest
    references, held_out, column = _compared(project, modality, split)
    rows, known = _drawn(project, modality, references)
    new, found = (rows, known) if held_out is references else _drawn(project, modality, held_out)
    names = (group_names(new, column), group_names(rows, column)) if column else None
    groups = (_numbered(names[0]), _numbered(names[1], names[0])) if names else None
    measure = fit_familiarity(known, found, rate=rate, groups=groups)
    kinds, lacking = None, ""
    try:
        kinds = fit_known_kinds(
            measure.references,
            number_rows(rows, manifest).concepts,
            found,
            number_rows(new, manifest).concepts,
            groups=groups,
        )
    except TooFewSamples as error:
        lacking = str(error)
    record = FamiliarRows(
        key=project.space.vector_key(modality, strength=0.0),
        rate=rate,
        references=len(measure.references),
        held_out=len(measure.held_out),
        groups=len(set(names[0])) if names else None,
    )
    ids = tuple(rows.cells["id"].to_pylist())
    familiar = Familiar(record=record, measure=measure, kinds=kinds, ids=ids)
    return FittedFamiliar(familiar=familiar, groups=names[1] if names else None, lacking=lacking)


def _compared(project: Project, modality: str, split: str) -> tuple[Rows, Rows, str | None]:
    """Return the references, the rows that are compared with them, and the column of groups."""
    manifest, column = project.manifest, grouping_column(project)
    training = trained_split(manifest)
    known, new = manifest.select(modality, training), manifest.select(modality, split)
    if column is None or new.cells[column].null_count == len(new):
        return known, new, None
    if not new.cells[column].null_count and len(new.distinct(column)) == 1:
        # one group does not show how groups differ, and those of the training rows do
        known = new = manifest.select(modality).having("split", {split, training})
    return known, new, column


def _drawn(project: Project, modality: str, rows: Rows) -> tuple[Rows, Tensor]:
    """Draw rows, a row a sample; return those that can be used and what is read of them, (n, P)."""
    samples = rows.samples
    return _units(project, modality, samples.take(draw_references(len(samples)).numpy()))


def _units(project: Project, modality: str, rows: Rows) -> tuple[Rows, Tensor]:
    usable = project.features(modality, rows)
    units = read_rows(project.space.aligner(modality), usable.features)
    if units is None:
        raise TooFewSamples("its plugin's own aligner does not say what it reads")
    return usable.rows, units


def group_names(rows: Rows, column: str) -> list[str]:
    """Name the group of each row by its cell, a row with an empty one by its id."""
    pairs = zip(rows.cells[column].to_pylist(), rows.cells["id"].to_pylist(), strict=True)
    return [f"id {name}" if cell is None else f"in {cell}" for cell, name in pairs]


def _numbered(groups: Sequence[str], known: Sequence[str] | None = None) -> Tensor:
    """Return places of groups among the `known`, or themselves; -1 where unknown, (n,) int64."""
    places = {name: place for place, name in reversed([*enumerate(known or groups)])}
    return torch.tensor([places.get(name, -1) for name in groups]).long()
