"""Tests plugins against the rules of the contract.

`spaner plugins check NAME` applies them to an installed plugin. In a plugin's own tests:

    import pytest
    from spaner_core.conformance import RULES, open_subject

    @pytest.fixture(scope="module")
    def plugin(tmp_path_factory):
        return open_subject("thermal", tmp_path_factory.mktemp("examples"))

    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
    def test_the_plugin_keeps_the_rule(rule, plugin):
        rule(plugin)

A rule is a function `check_<rule>(subject)`, whose docstring's first line says what it asks. It
raises `BrokenRule` when the plugin breaks it, `NotTried` (which pytest counts as skipped) when
another rule tells why it cannot be tried, and may return a short remark when it is kept. Rules are
tried on the plugin's own examples (hook `spaner_examples`), some of them in a second process.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from spaner_core.conformance.verdict import BrokenRule, NotTried, Verdict, judge

if TYPE_CHECKING:
    from spaner_core.conformance.rules import RULES, Rule, examine
    from spaner_core.conformance.subject import Subject, open_subject

_NEEDS_TORCH = {
    **dict.fromkeys(("RULES", "Rule", "examine"), "spaner_core.conformance.rules"),
    **dict.fromkeys(("Subject", "open_subject"), "spaner_core.conformance.subject"),
}

__all__ = [
    "RULES",
    "BrokenRule",
    "NotTried",
    "Rule",
    "Subject",
    "Verdict",
    "examine",
    "judge",
    "open_subject",
]


def __getattr__(name: str) -> object:
    if name in _NEEDS_TORCH:
        return getattr(import_module(_NEEDS_TORCH[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
