"""What chooses something by measuring must not look at the rows that are to judge the choice."""

from __future__ import annotations

from collections.abc import Sequence

from spaner_core.errors import DataError

TEST_SPLIT = "test"


def check_not_test(split: str, splits: Sequence[str] = ()) -> None:
    """Raise `DataError` where something is to be chosen on the split named test.

    `splits` are those that the manifest has. Every command that picks a threshold or a setting by
    figures calls this first; one that only measures does not.
    """
    if split.strip().lower() != TEST_SPLIT:
        return
    others = ", ".join(name for name in splits if name != split) or "none besides"
    raise DataError(
        f"split {split!r} was asked to choose by; what is chosen on it is no longer judged by it, "
        f"for its figures would be too good. The manifest's other splits: {others}. Choose on one "
        "that is held out from training, such as validation, and measure on this one once"
    )
