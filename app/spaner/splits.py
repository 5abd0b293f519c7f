"""Says what a split is, and what it may be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaner_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spaner_core.data.manifest import Manifest, Rows

TRAIN_SPLIT, VALIDATION_SPLIT, TEST_SPLIT = "train", "validation", "test"
UNFIT = {
    TEST_SPLIT: "test rows are for finding out what a calibration is worth",
    TRAIN_SPLIT: "rows that were trained on look better than new ones",
}
"""Splits that must not be calibrated on, and why."""


def trained_split(manifest: Manifest) -> str | None:
    """Return the split that is trained on; None, the whole manifest, where it has no splits."""
    return TRAIN_SPLIT if manifest.splits else None


def measured_split(manifest: Manifest, split: str | None) -> str | None:
    """Return the split that is asked for: test where none is, None where the manifest has none."""
    return TEST_SPLIT if split is None and manifest.splits else split


def shown_split(manifest: Manifest, split: str | None) -> str | None:
    """Return the split to look at: as `measured_split`, but without splits train is the whole.

    Raises `DataError` where no row has it.
    """
    chosen = measured_split(manifest, split)
    if not manifest.splits and chosen in (None, TRAIN_SPLIT):
        return None
    check_known(manifest, chosen)
    return chosen


def check_known(manifest: Manifest, split: str | None) -> None:
    """Raise `DataError` for a split that no row has; None, the whole manifest, is always known."""
    if split is None or split in manifest.splits:
        return
    if not manifest.splits:
        raise DataError(
            f"{manifest.path}: no row has a split, so there is no {split!r}; leave the split out, "
            "or add a column `split` with train, validation and test"
        )
    raise DataError(
        f"{manifest.path}: no row has split {split!r}; expected one of: "
        f"{', '.join(manifest.splits)}; name one of them"
    )


def split_rows(manifest: Manifest, modality: str, split: str | None = None) -> Rows:
    """Return the rows of a modality and a split; what is trained on without splits is the whole.

    Raises `DataError` where there are none, naming the splits that there are.
    """
    asked = trained_split(manifest) if split == TRAIN_SPLIT else split
    check_known(manifest, asked)
    rows = manifest.select(modality, asked)
    if not rows:
        having = ", ".join(manifest.select(modality).splits)
        raise DataError(
            f"{manifest.path}: no row of modality {modality!r}"
            + (f" has split {asked!r}; it has rows of: {having}" if having else "")
            + "; add such rows"
        )
    return rows


def measured_rows(manifest: Manifest, name: str, split: str | None) -> Rows:
    """Return a modality's rows of a split that have a concept or an item; there may be none.

    Of the others nobody knows what they belong to: to count them as wrong would be wrong.
    """
    return manifest.select(name, split).labelled


def too_few_labelled(
    manifest: Manifest, split: str | None, *, having: Sequence[str], known: Sequence[str]
) -> str:
    """Say that of the modalities `known` too few are `having` rows that can be measured."""
    where = f" in split {split!r}" if split else ""
    others = f", or name another split: {', '.join(manifest.splits)}" if split else ""
    return (
        f"{manifest.path}: rows with a concept or an item{where}: "
        f"{', '.join(having) or 'none'}; expected some of at least two of the modalities "
        f"{', '.join(known)}, and of each one that was named; label such rows{others}"
    )


def check_held_out(manifest: Manifest, split: str) -> None:
    """Raise `DataError` where the manifest has no splits, or `split` is the one trained on."""
    if not manifest.splits:
        raise DataError(
            f"{manifest.path}: no row has a split, so none is held out to measure split {split!r}; "
            "add a column `split` with train, validation and test"
        )
    if split == TRAIN_SPLIT:
        raise DataError(
            f"split {split!r} is what is trained on, so its figures would be too good; name "
            f"another of {manifest.path}'s splits: {', '.join(manifest.splits)}"
        )


def check_not_test(split: str) -> None:
    """Raise `DataError` where something is to be chosen on the split named test.

    Every command that picks a threshold or a setting by figures calls this first; one that only
    measures does not.
    """
    if split.strip().lower() == TEST_SPLIT:
        raise DataError(
            f"split {split!r} was asked to choose by; what is chosen on it is no longer judged by "
            "it, for its figures would be too good. Choose on one that is held out from training, "
            f"such as {VALIDATION_SPLIT}, and measure on this one once"
        )


def check_calibration_split(split: str) -> None:
    """Raise `ConfigError` for a split that must not be calibrated on."""
    if split in UNFIT:
        raise ConfigError(
            f"--split {split}: {UNFIT[split]}; give one of rows that were neither trained nor "
            f"tested on, such as {VALIDATION_SPLIT}"
        )
