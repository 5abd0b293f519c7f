"""Logs what an action was asked, what it linked, how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from spaner_core.errors import NotPermitted
from spaner_registry.config.policy import Purpose
from spaner_registry.config.settings import Config

from spaner.audit.lines import Entry, Line, Outcome, now
from spaner.audit.log import AuditLog
from spaner.audit.who import who_acts

LONGEST = 1000
"""Characters of a text, and parts of a list, that are kept of what was asked and shown."""


@dataclass(eq=False)
class Action:
    """What is known of an action while it goes on; `content` is what people may read of it.

    With a `commitment` of its own nothing is kept that people may read.
    """

    name: str
    purpose: Purpose | None = None
    pairs: dict[tuple[str, str], None] = field(default_factory=dict)
    modalities: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    prompt: str | None = None
    aligners: dict[str, str] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)
    commitment: str | None = None

    @property
    def involved(self) -> list[str]:
        """All modalities that take part."""
        return sorted(self.modalities.union(*self.pairs))

    def entry(self, outcome: Outcome) -> Entry:
        """Say what is known by now."""
        return Entry(
            action=self.name,
            outcome=outcome,
            who=who_acts(),
            at=now(),
            purpose=self.purpose,
            pairs=tuple(self.pairs),
            modalities=tuple(self.involved),
            counts=self.counts,
            prompt=self.prompt,
            aligners=self.aligners,
            commitment=self.commitment,
        )

    def write(self, log: AuditLog, outcome: Outcome, *, begun: int | None = None) -> Line:
        """Add a line of it to a log."""
        entry = replace(self.entry(outcome), begun=begun)
        return log.append(entry, None if self.commitment else self.content)


_CURRENT: ContextVar[Action | None] = ContextVar("spaner_action", default=None)


def note_pairs(source: str, targets: Sequence[str], *, purpose: Purpose) -> None:
    """Note ordered pairs that the policy was asked about, of the action that asks."""
    action = _CURRENT.get()
    if action is not None:
        action.purpose = action.purpose or purpose
        action.pairs |= dict.fromkeys((source, target) for target in targets)


def audit_log(config: Config) -> AuditLog | None:
    """Return the log that `policy.audit_log` names, None where it names none."""
    path = config.policy.audit_log
    return None if path is None else _log(path.absolute(), config.policy.audit_keep_days)


@cache
def _log(path: Path, keep_days: int) -> AuditLog:
    """Give the same log to all that write it in this process, who then write together."""
    return AuditLog(path, keep_days)


@contextmanager
def acting(config: Config, action: Action, *, changes: bool = False) -> Iterator[None]:
    """Log what the block does, also where an error or a signal ends it.

    Where it `changes` something, a line stands before that; where the log cannot be written,
    nothing is done, and what a block has found is not given away: `ConfigError`.
    """
    log = audit_log(config)
    if log is None:
        yield
        return
    log.check_writable()
    begun = action.write(log, "begun").n if changes else None
    token = _CURRENT.set(action)
    try:
        yield
    except BaseException as error:
        action.content["error"] = shortened(f"{type(error).__name__}: {error}")
        outcome: Outcome = "refused" if isinstance(error, NotPermitted) else "failed"
        action.write(log, outcome, begun=begun)
        raise
    finally:
        _CURRENT.reset(token)
    action.write(log, "done", begun=begun)


@contextmanager
def refusals(config: Config, action: Action) -> Iterator[None]:
    """Log that the policy refuses the block, if it does, before anything of it is opened."""
    token = _CURRENT.set(action)
    try:
        yield
    except NotPermitted:
        if (log := audit_log(config)) is not None:
            action.write(log, "refused")
        raise
    finally:
        _CURRENT.reset(token)


def shortened(text: str) -> str:
    """Return a text, or its beginning and how long it is."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text):,} characters)"


def readable(value: Any) -> Any:
    """Say in plain values what an argument was; of objects, what they are.

    Texts and lists are cut at `LONGEST`. Bytes stay out: of an upload its name stays.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Path):
        return shortened(str(value))
    if isinstance(value, Mapping):
        return {str(key): readable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [readable(one) for one in value[:LONGEST]]
    named = getattr(value, "name", None)
    kind = type(value).__name__
    return f"{kind} {shortened(named)}" if isinstance(named, str) else kind
