"""Applying rules to a plugin, one verdict a rule."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spaner_core.conformance.broken_rule import BrokenRule, NotTried
from spaner_core.conformance.rules import RULES, Rule
from spaner_core.conformance.subject import Subject
from spaner_core.errors import one_line


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One rule's name, what it asks in a sentence, whether it is kept, and what was found.

    `passed` is None where the rule was not tried, for a reason that another rule tells.
    """

    rule: str
    asks: str
    passed: bool | None
    remark: str


def examine(subject: Subject) -> Iterator[Verdict]:
    """Apply every rule, whatever the earlier ones said."""
    for rule in RULES:
        yield judge(rule, subject)


def judge(rule: Rule, subject: Subject) -> Verdict:
    """Apply one rule; whatever else the plugin raises is a broken rule too."""
    passed: bool | None
    try:
        passed, remark = True, rule(subject) or ""
    except NotTried as error:
        passed, remark = None, str(error)
    except BrokenRule as error:
        passed, remark = False, str(error)
    except Exception as error:
        passed, remark = False, _unexpected(error)
    return Verdict(rule=rule.__name__, asks=sentence(rule), passed=passed, remark=remark)


def sentence(rule: Rule) -> str:
    """Return what a rule asks: the first line of its docstring."""
    return (rule.__doc__ or "").strip().splitlines()[0]


def _unexpected(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}, line {last.lineno}"
    return (
        f"while this was tried, {place} raised {one_line(error)}; expected no error; look there, "
        "and at what the plugin passed on"
    )
