"""What a rule says when a plugin breaks it, or when it cannot be tried."""

from __future__ import annotations

from unittest import SkipTest


class BrokenRule(AssertionError):  # noqa: N818  (plugin authors read it as a verdict)
    """A plugin breaks a rule: what it gave, what was expected, and what its author may do."""

    def __init__(self, given: str, expected: str, advice: str) -> None:
        super().__init__(f"{given}; expected {expected}; {advice}")


class NotTried(SkipTest):
    """A rule cannot be tried, for a reason that another rule has told."""
