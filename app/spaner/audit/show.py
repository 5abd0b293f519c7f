"""Reads chosen lines of an audit log for people."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from spaner_core.errors import ConfigError
from spaner_registry.config.settings import Config

from spaner.audit.lines import Line, written_time
from spaner.audit.readable import Readable, read_parts, readable_path
from spaner.audit.verify import read_log
from spaner.reports import Report


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which lines are asked for: all that meet each condition that is not None.

    `since` and `until` are dates or times, in UTC unless they say otherwise; a date is meant
    from its first moment to its last. Raises `ConfigError` for what is neither.
    """

    since: str | None = None
    until: str | None = None
    who: str | None = None
    action: str | None = None
    modality: str | None = None

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            if (given := getattr(self, name)) is not None:
                _moment(given, flag=name, end=False)

    def has(self, line: Line) -> bool:
        """Whether a line is asked for."""
        since = self.since and _moment(self.since, flag="since", end=False)
        until = self.until and _moment(self.until, flag="until", end=True)
        return (
            (not since or line.at >= since)
            and (not until or line.at < until)
            and self.who in (None, line.who)
            and self.action in (None, line.action)
            and (self.modality is None or self.modality in line.modalities)
        )


@dataclass(frozen=True, kw_only=True)
class ShownLine:
    """A line with what can be read of it: None where that was erased, or was changed since."""

    line: Line
    content: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True, repr=False)
class AuditReport(Report):
    """Lines of the audit log, the last ones of so many that were `chosen`."""

    rows_in = "lines"

    log: Path
    chosen: int
    lines: tuple[ShownLine, ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return each line, with what can be read of it as `content`."""
        return [{**vars(shown.line), "content": shown.content} for shown in self.lines]


def log_path(config: Config) -> Path:
    """Return where the audit log is. Raises `ConfigError` where the policy asks for none."""
    if config.policy.audit_log is None:
        raise ConfigError(
            f"{config.path} asks for no audit log; add a line such as 'audit_log: "
            "runs/audit.jsonl' under `policy:`"
        )
    return config.policy.audit_log


def show_log(path: Path, wanted: Wanted, *, last: int) -> AuditReport:
    """Read the `last` lines of those wanted. Raises `DataError` where there is no log."""
    lines, chosen = deque[Line](maxlen=last), 0
    for line in read_log(path):
        if wanted.has(line):
            lines.append(line)
            chosen += 1
    commitments = {line.commitment for line in lines}
    parts: dict[str, Readable] = {
        part.commitment: part
        for part in read_parts(readable_path(path))
        if part.commitment in commitments and part.is_true
    }
    return AuditReport(
        log=path,
        chosen=chosen,
        lines=tuple(
            ShownLine(line=line, content=parts[line.commitment].content)
            if line.commitment in parts
            else ShownLine(line=line, content=None)
            for line in lines
        ),
    )


def _moment(given: str, *, flag: str, end: bool) -> str:
    """Read a date, or its end, or a time, as lines have it."""
    try:
        if len(given) == len("2026-01-31"):
            day = datetime.combine(date.fromisoformat(given), datetime.min.time(), UTC)
            return written_time(day + timedelta(days=end))
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ConfigError(
            f"--{flag} {given}: expected a date or a time in UTC, such as 2026-01-31 or "
            "2026-01-31T14:30"
        ) from None
    return written_time(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
