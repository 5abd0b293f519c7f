"""Runs every command in one frame: shared flags, notices, one result."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, get_type_hints

from spaner_core.progress import without_progress

from spaner.cli.flags import Flags
from spaner.cli.output import notice, say_json
from spaner.signals import was_asked

if TYPE_CHECKING:
    from spaner_registry.config.policy import Purpose

    from spaner.commands import Project


@dataclass(kw_only=True)
class Call(Flags):
    """One call of a command: what its shared flags say, its name, and the project that it opens."""

    project: Project | None = field(default=None, init=False)
    command: str = field(default="", init=False, compare=False)

    def open(
        self,
        names: Iterable[str] = (),
        *,
        links: Iterable[tuple[str, Sequence[str]]] = (),
        purpose: Purpose = "search",
    ) -> Project:
        """Read the configuration with the flags' values in place of its own.

        `names` are modalities that the command was asked for, `links` those that are to be linked
        to others, for a `purpose`. Raises `ConfigError` where the configuration is missing or
        wrong, does not declare one of them or does not let the `links` be, and where the device is
        absent. All but the last is reported before anything heavy is imported.
        """
        from spaner_registry.config.settings import read_config

        settings = read_config(self.config)
        settings.check_declared(names)
        if links := [*links]:
            from spaner.audit.actions import Action, refusals
            from spaner.policy.links import check_links

            with refusals(settings, Action(self.command, purpose)):
                for source, targets in links:
                    check_links(settings, source, targets, purpose=purpose)
        from spaner.commands import Project

        self.project = Project(
            settings,
            device=self.device.value,
            space=self.space,
            manifest=self.manifest,
            seed=self.seed,
        )
        return self.project

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Close the project after the block and print its notices, also where an error ends it."""
        with without_progress() if self.quiet else nullcontext():
            try:
                yield
            except Exception:
                if not was_asked():  # to stop, of which a library made this
                    self._report()
                raise
            self._report()

    def _report(self) -> None:
        if self.project is not None:
            self.project.close()
            notice(self.project.notices, quiet=self.quiet)


@dataclass(frozen=True)
class Result:
    """What a command has found.

    With `--json` it is `value`, where a report (a dataclass) is an object with the project's
    notices and what `more` adds. Else `show` tells it; of what was done, not asked for, `--quiet`
    wants to hear nothing (`deed`). A `failure` is raised once the result is told.
    """

    value: Any
    show: Callable[[], None]
    more: Mapping[str, Any] = field(default_factory=dict)
    deed: bool = False
    failure: Exception | None = None

    def tell(self, call: Call) -> None:
        """Write JSON or tables to standard output."""
        if call.json:
            say_json(self._json(call.project.notices if call.project else ()))
        elif not (self.deed and call.quiet):
            self.show()
        if self.failure is not None:
            raise self.failure

    def _json(self, notices: Sequence[str]) -> Any:
        if is_dataclass(self.value) and not isinstance(self.value, type):
            return {**asdict(self.value), "notices": notices, **self.more}
        return self.value


def framed(flags: str) -> Callable[[Callable[..., Result | None]], Callable[..., None]]:
    """Give a command the shared `flags`, and print its notices and its result.

    The command's first parameter is its `Call`, the others are its own. `flags` names the shared
    ones with blanks between, in the order of `--help`; own ones stand before them, but those that
    are named among them.
    """

    def frame(command: Callable[..., Result | None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            call = Call(**{name: given.pop(name) for name in SHARED if name in given})
            call.command = command.__name__
            with call.reporting():
                result = command(call, **given)
            if result is not None:
                result.tell(call)

        parameters = _parameters(command, flags.split())
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return frame


def _parameters(command: Callable[..., Any], order: Sequence[str]) -> list[inspect.Parameter]:
    """Return a command's own parameters and the shared ones, in the order of its help."""
    _, *given = inspect.signature(command).parameters.values()
    hints = get_type_hints(command, include_extras=True)
    own = {one.name: one.replace(annotation=hints[one.name]) for one in given}
    first = [name for name in own if name not in order]
    return [
        (own if name in own else SHARED)[name].replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name in (*first, *order)
    ]


def _shared() -> dict[str, inspect.Parameter]:
    hints = get_type_hints(Flags, include_extras=True)
    return {
        one.name: inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=one.default,
            annotation=hints[one.name],
        )
        for one in fields(Flags)
    }


SHARED = _shared()
"""The shared flags as parameters, by name."""
