"""What chooses something by measuring must not look at the rows that are to judge the choice."""

from __future__ import annotations

from spaner_core.errors import ConfigError, DataError

TRAIN_SPLIT, VALIDATION_SPLIT, TEST_SPLIT = "train", "validation", "test"
UNFIT = {
    TEST_SPLIT: "test rows are for finding out what a calibration is worth",
    TRAIN_SPLIT: "rows that were trained on look better than new ones",
}
"""Splits that must not be calibrated on, and why."""


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
