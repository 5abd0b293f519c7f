"""Chooses samples that give labels, get one, or hold theirs back."""

from __future__ import annotations

from dataclasses import dataclass

from spaner_core.data.manifest import Rows
from spaner_core.errors import DataError

from spaner.project import Project
from spaner.splits import TRAIN_SPLIT, VALIDATION_SPLIT, split_rows, trained_split


@dataclass(frozen=True, kw_only=True)
class TargetSamples:
    """Ids of target samples by their use.

    `unlabelled` have no concept. The own concepts of `held_back` measure what carried ones are
    worth, those of `choosing`, of split validation, what accuracy to expect; they may choose the
    threshold.
    """

    unlabelled: frozenset[str]
    held_back: frozenset[str]
    choosing: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Every sample that is of use."""
        return self.unlabelled | self.knowing

    @property
    def knowing(self) -> frozenset[str]:
        """Samples that have a concept, and are treated as if they had none."""
        return self.held_back | self.choosing


def giving_rows(project: Project, source: str) -> Rows:
    """Return the labelled rows of `source` that may give their concept away.

    Those are of split train or of none: rows of other splits are for measuring. Raises `DataError`
    where there are none.
    """
    every = project.manifest.select(source)
    rows = every.having("concept", every.concepts).having("split", [None, TRAIN_SPLIT])
    if not rows:
        raise DataError(
            f"{project.manifest.path}: no row of {source!r} in split {TRAIN_SPLIT!r} or without a "
            "split has a concept, so it has no label to give; add concepts, or name another --from"
        )
    return rows


def target_samples(
    project: Project, target: str, *, split: str | None, choose: bool, check: bool
) -> TargetSamples:
    """Sort the samples of `target` by their use; `split` limits all but those to choose on.

    Without `split`, labels that were trained on, or `choose` a threshold, are not held back to
    measure. Raises `DataError` where no sample is to be labelled (with `check` held-back ones are),
    or there is none to choose on.
    """
    rows = split_rows(project.manifest, target, split)
    every = project.manifest.select(target)
    labelled = frozenset(every.having("concept", every.concepts).distinct("id"))
    here = frozenset(rows.distinct("id"))
    choosing = _choosing(project, target, labelled, needed=choose)
    held_back = labelled & here
    if split is None:
        trained_on = trained_split(project.manifest)
        held_back -= (choosing if choose else frozenset()).union(
            rows.having("split", [trained_on]).distinct("id")
        )
    if not here - labelled and not (check and held_back):
        raise DataError(_nothing_to_label(project, target, split, held_back))
    return TargetSamples(unlabelled=here - labelled, held_back=held_back, choosing=choosing)


def _choosing(
    project: Project, target: str, labelled: frozenset[str], *, needed: bool
) -> frozenset[str]:
    rows = project.manifest.select(target, VALIDATION_SPLIT)
    choosing = labelled.intersection(rows.distinct("id"))
    if needed and not choosing:
        raise DataError(
            f"{project.manifest.path}: --target-accuracy chooses the threshold on rows of "
            f"{target!r} in split {VALIDATION_SPLIT!r} that have a concept, and there are none; "
            "add such rows, or give --min-confidence instead"
        )
    return choosing


def _nothing_to_label(
    project: Project, target: str, split: str | None, held_back: frozenset[str]
) -> str:
    where = f" in split {split!r}" if split else ""
    advice = (
        "give --check to label those that have one as if they had none"
        if held_back
        else f"those that have one were trained on: --check --split {TRAIN_SPLIT} takes them"
    )
    return (
        f"{project.manifest.path}: every row of {target!r}{where} has a concept; expected some "
        f"without; add such rows, or {advice}"
    )
