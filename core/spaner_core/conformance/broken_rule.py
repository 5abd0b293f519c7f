"""What a rule says when a plugin breaks it."""

from __future__ import annotations


class BrokenRule(AssertionError):  # noqa: N818  (plugin authors read it as a verdict)
    """A plugin breaks a rule: what it gave, what was expected, and what its author may do."""

    def __init__(self, given: str, expected: str, advice: str) -> None:
        super().__init__(f"{given}; expected {expected}; {advice}")


def one_line(error: BaseException) -> str:
    """Give an error's type and words in one line."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
