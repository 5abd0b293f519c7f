"""Says which inputs cannot be used, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spaner_core.contract.sources import describe_source
from spaner_core.contract.transform import Given
from spaner_core.errors import UnusableInput

SHOWN_PROBLEMS = 10


def reason_of(error: UnusableInput) -> str:
    """Give an error's words in one line."""
    return " ".join(str(error).split())


def named_problems(unusable: Mapping[Given, str]) -> list[str]:
    """Name each input before its reason."""
    return [f"{describe_source(source)}: {why}" for source, why in unusable.items()]


def summarise(problems: Sequence[str], *, among: int, max_unusable: int = 0) -> str:
    """Say what is wrong with some `among` all inputs, the first ten in full."""
    if len(problems) == 1:
        return f"{problems[0]}. Mend or remove it"
    shown = "\n  ".join(problems[:SHOWN_PROBLEMS])
    more = len(problems) - SHOWN_PROBLEMS
    rest = f"\n  ... and {more} more" if more > 0 else ""
    allowed = f" (data.max_unusable allows {max_unusable})" if max_unusable else ""
    return (
        f"{len(problems)} of {among} inputs cannot be used{allowed}; mend or remove "
        f"them:\n  {shown}{rest}"
    )
