"""Marks the calls of a project that are logged."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from spaner_core.errors import SpanerError
from spaner_registry.config.policy import Purpose

from spaner.audit.actions import LONGEST, Action, acting, readable
from spaner.project import Project
from spaner.reports import Report

Given = ParamSpec("Given")
FoundT = TypeVar("FoundT", bound=Report)
OwnerT = TypeVar("OwnerT")

MODALITIES = ("names", "name", "modality", "source", "targets", "target", "again")
"""Arguments that name modalities."""

OUTPUTS = ("output", "map_file", "path")
"""Arguments that name what is written."""

DOOR = "is_door"
"""The mark of a call that is logged."""


def door(
    purpose: Purpose | None = None, *, changes: bool = False
) -> Callable[
    [Callable[Concatenate[OwnerT, Given], FoundT]], Callable[Concatenate[OwnerT, Given], FoundT]
]:
    """Have a call of a project, or of a space opened through one, opened and logged.

    The call's name is the action's, its arguments are what was asked, and its report says what was
    found (`audited`). Pairs are those that the call asks the policy about.
    A call that `changes` files is logged before, too, as is one that
    was given an output.
    """

    def mark(
        call: Callable[Concatenate[OwnerT, Given], FoundT],
    ) -> Callable[Concatenate[OwnerT, Given], FoundT]:
        signature = inspect.signature(call)

        @wraps(call)
        def run(owner: OwnerT, /, *args: Given.args, **kwargs: Given.kwargs) -> FoundT:
            project: Project = owner._searched()  # type: ignore[attr-defined]
            if project.config.policy.audit_log is None:
                with project:
                    return call(owner, *args, **kwargs)
            _, *asked = signature.bind(owner, *args, **kwargs).arguments.items()
            action = Action(call.__name__, purpose)
            action.content = {name: readable(_plain(one)) for name, one in asked if one}
            action.modalities = _modalities(project, dict(asked))
            writes = changes or any(name in OUTPUTS for name in action.content)
            with project, logged(project, action, changes=writes):
                found = call(owner, *args, **kwargs)
                note_found(action, found)
            return found

        setattr(run, DOOR, True)
        return run

    return mark


@contextmanager
def logged(project: Project, action: Action, *, changes: bool = False) -> Iterator[None]:
    """Log what the block does as `acting` does, with the space that it was done in.

    For what is no call of a project, as a service's answers; `door` is for those.
    """
    with acting(project.config, action, changes=changes):
        yield
        if project.config.policy.audit_log is not None:
            with suppress(SpanerError):  # there need not be a space
                space = project.space
                action.prompt = space.fingerprint
                known = [name for name in action.involved if name in space.records]
                action.aligners = {name: space.vector_key(name).aligner for name in known}


def note_found(action: Action, report: Report) -> None:
    """Note what was found; ids of rows go where they can be erased."""
    counts, modalities, rows = report.audited
    action.counts |= counts
    action.modalities |= {*modalities}
    if rows:
        action.content["rows"] = readable(list(rows[:LONGEST]))


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _modalities(project: Project, asked: Mapping[str, Any]) -> set[str]:
    """Return the declared modalities that arguments name."""
    found: set[str] = set()
    for name in MODALITIES:
        given = asked.get(name)
        several = given if isinstance(given, list | tuple) else [given]
        found |= {one for one in several if isinstance(one, str)}
    return found & set(project.config.modalities)
