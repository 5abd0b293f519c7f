"""The conformance kit: rules that every plugin keeps, for people and for pytest.

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

from spaner_core.conformance.broken_rule import BrokenRule, NotTried
from spaner_core.conformance.rules import RULES, Rule
from spaner_core.conformance.subject import Subject, open_subject
from spaner_core.conformance.verdicts import Verdict, examine

__all__ = [
    "RULES",
    "BrokenRule",
    "NotTried",
    "Rule",
    "Subject",
    "Verdict",
    "examine",
    "open_subject",
]
