"""Tells of each rule whether it is kept, broken or not tried."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar
from unittest import SkipTest

from spaner_core.contract.error_lines import raised_at
from spaner_core.errors import one_line

MadeT = TypeVar("MadeT")


class BrokenRule(AssertionError):  # noqa: N818  (plugin authors read it as a verdict)
    """A plugin breaks a rule: what it gave, what was expected, and what its author may do."""

    def __init__(self, given: str, expected: str, advice: str) -> None:
        super().__init__(f"{given}; expected {expected}; {advice}")


class NotTried(SkipTest):
    """A rule cannot be tried, for a reason that another rule has told."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One rule's name, what it asks in a sentence, whether it is kept, and what was found.

    `passed` is None where the rule was not tried, for a reason that another rule tells. `trace` is
    the traceback of what the plugin raised, empty where it raised nothing.
    """

    rule: str
    asks: str
    passed: bool | None = None
    remark: str = ""
    trace: str = ""


def judge(rule: Callable[[Any], str | None], subject: object) -> Verdict:
    """Apply one rule; whatever else the plugin raises is a broken rule too, also `SystemExit`."""
    passed: bool | None
    raised: BaseException | None = None
    try:
        passed, remark = True, rule(subject) or ""
    except NotTried as error:
        passed, remark = None, str(error)
    except BrokenRule as error:
        passed, remark, raised = False, str(error), error.__cause__
    except (Exception, SystemExit) as error:
        passed, remark, raised = False, _unexpected(error), error
    return Verdict(
        rule=rule.__name__,
        asks=sentence(rule),
        passed=passed,
        remark=_for_its_author(remark, subject),
        trace=trace_of(raised),
    )


def trace_of(error: BaseException | None) -> str:
    """Write the traceback of an error and of those that it came from; empty for None."""
    return "" if error is None else "".join(traceback.format_exception(error))


def sentence(rule: Callable[[Any], str | None]) -> str:
    """Return what a rule asks: the first line of its docstring."""
    return (rule.__doc__ or "").strip().splitlines()[0]


def told_once(what: str) -> Callable[[Callable[[Any], MadeT]], cached_property[MadeT]]:
    """Return a decorator that does as `cached_property`, and fails with the true reason once.

    The first rule that asks for `what` meets whatever goes wrong in making it; every later one
    meets `NotTried`: thirty rules that say the same would hide what else there is to mend.
    """

    def decorate(make: Callable[[Any], MadeT]) -> cached_property[MadeT]:
        name = make.__name__

        def making(subject: Any) -> MadeT:
            if name in subject.failed:
                raise NotTried(f"it needs {what}")
            try:
                return make(subject)
            except NotTried:
                raise
            except (Exception, SystemExit):
                subject.failed.add(name)
                raise

        making.__doc__ = make.__doc__
        return cached_property(making)

    return decorate


@contextmanager
def left_to_others(subject: Any) -> Iterator[None]:
    """Pass over what cannot be made in a block; the next rule that asks for it still tells why."""
    told = set(subject.failed)
    try:
        yield
    except (Exception, SystemExit):
        subject.failed = told


def _for_its_author(remark: str, subject: object) -> str:
    """Leave out what an author has no use for: a temporary folder's place, whom to report to."""
    folder = getattr(subject, "folder", None)
    remark = remark.replace(". Report it to the plugin's author", "")
    return remark if folder is None else remark.replace(f"{folder}/", "")


def _unexpected(error: BaseException) -> str:
    place = raised_at(error)
    if place is None:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{last.filename}, line {last.lineno}"
    return (
        f"while this was tried, {place} raised {one_line(error)}; expected no error; look there, "
        "and at what the plugin passed on"
    )
