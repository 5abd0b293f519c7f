"""Appends to an audit log, and mends what killed writers left."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from spaner_core.errors import ConfigError
from spaner_core.files.atomic import real_path
from spaner_core.files.locks import locked

from spaner.audit.lines import (
    MEND,
    Entry,
    Line,
    as_bytes,
    now,
    read_line,
    sealed,
    written_time,
)
from spaner.audit.readable import (
    Readable,
    committed,
    ends_whole,
    erase,
    erase_old,
    readable_path,
)
from spaner.audit.readable import as_bytes as parts_as_bytes
from spaner.audit.who import who_acts

SLACK = timedelta(days=1)
"""How much longer than asked readable parts may stay, so that they are not rewritten each time."""

STEP_BYTES = 2**14


@dataclass
class _Waiting:
    """An entry that waits for its place, and then its line, or why it got none."""

    entry: Entry
    readable: Readable | None
    line: Line | None = None
    error: BaseException | None = None


@dataclass
class AuditLog:
    """The log at `path`; what can be read of actions is kept for `keep_days`.

    What can be read is on the disk before the line that is bound to it. Each line is on the disk
    when `append` returns; what several threads append at once is written together.
    """

    path: Path
    keep_days: int
    _waiting: list[_Waiting] = field(default_factory=list)
    _listed: threading.Lock = field(default_factory=threading.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def readable(self) -> Path:
        """The file of what can be read."""
        return readable_path(self.path)

    def check_writable(self) -> None:
        """Raise `ConfigError` unless the log can be written: nothing is done unseen."""
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for path in (self.readable, self.path):
                os.close(_opened(path))

    def append(self, entry: Entry, content: Mapping[str, Any] | None = None) -> Line:
        """Add a line, bound to `content` where there is any that people may read.

        Raises `ConfigError` where it cannot be written, or the log is damaged.
        """
        readable = None
        if content is not None:
            readable = committed(content, at=entry.at)
            entry = replace(entry, commitment=readable.commitment)
        mine = _Waiting(entry, readable)
        with self._listed:
            self._waiting.append(mine)
        with self._writing:
            if mine.line is None and mine.error is None:
                with self._listed:
                    together, self._waiting = self._waiting, []
                self._write(together)
        if mine.line is None:
            raise mine.error or RuntimeError("a line was passed over")
        return mine.line

    def erase(self, is_kept: Callable[[Readable], bool]) -> int:
        """Erase what can be read of actions, while nobody writes; return of how many."""
        with self._explained(), self._alone():
            return erase(self.readable, is_kept)

    def _write(self, together: Sequence[_Waiting]) -> None:
        try:
            with self._explained(), self._alone():
                self._erase_old()
                _add(self.readable, parts_as_bytes(w.readable for w in together if w.readable))
                lines = self._add_lines([waiting.entry for waiting in together])
            for waiting, line in zip(together, lines, strict=True):
                waiting.line = line
        except BaseException as error:
            for waiting in together:
                waiting.error = error

    def _add_lines(self, entries: Sequence[Entry]) -> list[Line]:
        file = _opened(self.path)
        try:
            last, cut_bytes = _mended(file)
            if cut_bytes:
                counts = {"bytes": cut_bytes}
                mend = Entry(action=MEND, outcome="done", who=who_acts(), at=now(), counts=counts)
                entries = [mend, *entries]
            lines: list[Line] = []
            for entry in entries:
                last = sealed(entry, before=last)
                lines.append(last)
            _write_all(file, b"".join(map(as_bytes, lines)))
            return lines[bool(cut_bytes) :]
        finally:
            os.close(file)

    def _erase_old(self) -> None:
        oldest = datetime.now(UTC) - timedelta(days=self.keep_days)
        erase_old(
            self.readable,
            before=written_time(oldest),
            slack_before=written_time(oldest - SLACK),
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        path = real_path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        with locked(path, waiting=lambda: None) as alone:
            if not alone:
                raise ConfigError(
                    f"audit log {self.path}: its file system has no locks, or the file was moved "
                    "away; set policy.audit_log to a place on a local disk"
                )
            yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigError(
                f"audit log {self.path}: it cannot be written ({error.strerror or error}), so "
                "nothing is done; give rights or make room there, or ask whoever keeps the policy"
            ) from error
        except ValueError as error:
            raise ConfigError(
                f"audit log {self.path}: its last line is damaged ({error}), so nothing is done; "
                "`spaner audit --verify` says more. Keep the file, and set policy.audit_log to a "
                "new one"
            ) from error


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)


def _add(path: Path, content: bytes) -> None:
    """Add lines to a file; what was not ended before becomes a line of its own."""
    if not content:
        return
    file = _opened(path)
    try:
        _write_all(file, content if ends_whole(file) else b"\n" + content)
    finally:
        os.close(file)


def _write_all(file: int, content: bytes) -> None:
    """Write to the end of a file and to the disk, all or nothing."""
    size = os.fstat(file).st_size
    try:
        for start in iter(lambda: os.fstat(file).st_size - size, len(content)):
            os.write(file, content[start:])
        os.fdatasync(file)
    except OSError:
        os.ftruncate(file, size)
        raise


def _mended(file: int) -> tuple[Line | None, int]:
    """Return the last line, and how many bytes of one that a killed writer began were cut.

    One that lacks its end alone is given that. Raises `ValueError` where the last line is damaged.
    """
    whole, begun = _ending(file)
    last = read_line(whole) if whole else None
    if not begun:
        return last, 0
    try:
        line = read_line(begun)
    except ValueError:
        os.ftruncate(file, os.fstat(file).st_size - len(begun))
        return last, len(begun)
    _write_all(file, b"\n")
    return line, 0


def _ending(file: int) -> tuple[bytes, bytes]:
    """Return the last whole line of a file, without its end, and what stands behind it."""
    size, step = os.fstat(file).st_size, STEP_BYTES
    while True:
        start = max(0, size - step)
        *earlier, begun = os.pread(file, size - start, start).split(b"\n")
        if len(earlier) > 1 or start == 0:
            return earlier[-1] if earlier else b"", begun
        step *= 4
