"""Verifies an audit log, by a head kept elsewhere too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from spaner_core.errors import ConfigError, DataError
from spaner_core.files.documents import fit, read_versioned, write_json
from spaner_core.files.ordinary import open_ordinary

from spaner.audit.lines import FIRST, FORMAT_VERSION, Line, read_line
from spaner.audit.readable import read_parts, readable_path
from spaner.reports import Report

MOST_PROBLEMS = 20
"""Problems that are named; a log that was made up has as many as lines."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """The last line of a log, as it was kept elsewhere."""

    n: int
    hash: str


@dataclass(frozen=True, kw_only=True, repr=False)
class AuditCheck(Report):
    """What a log's verification found: `problems`, a line each, nothing where it is intact.

    `readable` of its `lines` can be read; the others were erased, or are only counted. `torn_bytes`
    are those of a line that a killed process has begun, which the next action mends.
    """

    log: Path
    lines: int
    readable: int
    torn_bytes: int
    head: Head | None
    problems: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing was changed since it was written, as far as can be told."""
        return not self.problems


@dataclass
class _Walk:
    """Where a walk along the chain is."""

    path: Path
    number: int = 0
    last: Line | None = None
    torn: bytes = b""

    def lines(self) -> Iterator[tuple[int, Line | None, str]]:
        """Yield each line's number in the file and what it says, or why it says nothing."""
        with _opened(self.path) as file:
            for written in file:
                if not written.endswith(b"\n"):
                    self.torn = written
                    return
                self.number += 1
                try:
                    yield self.number, read_line(written[:-1]), ""
                except ValueError as error:
                    yield self.number, None, " ".join(str(error).split())


def read_log(path: Path) -> Iterator[Line]:
    """Read the lines of a log that can be read, whatever else is there.

    Raises `DataError` where there is none.
    """
    return (line for _, line, _ in _Walk(path).lines() if line is not None)


def verify_log(path: Path, *, head: Head | None = None) -> AuditCheck:
    """Look for lines that were changed, removed, inserted or moved since they were written.

    A cut tail shows where `head`, which was kept elsewhere, is no line of the log any more. Raises
    `DataError` where there is no log.
    """
    walk, problems, bound, kept = _Walk(path), list[str](), dict[str, int](), head is None
    for number, line, why in walk.lines():
        if line is None:
            problems.append(f"line {number} was changed: {why}")
            walk.last = None
            continue
        problems += _breaks(number, line, walk.last)
        walk.last = line
        kept = kept or (head is not None and (line.n, line.hash) == (head.n, head.hash))
        if line.commitment is not None:
            bound[line.commitment] = line.n
    if not kept and head is not None:
        problems.append(_lost_head(head, walk.last))
    parts = [part for part in read_parts(readable_path(path)) if part.commitment in bound]
    problems += [
        f"what can be read of line {bound[part.commitment]} was changed"
        for part in parts
        if not part.is_true
    ]
    if len(problems) > MOST_PROBLEMS:
        more = len(problems) - MOST_PROBLEMS
        problems[MOST_PROBLEMS:] = [f"and {more:,} more"]
    last = walk.last
    return AuditCheck(
        log=path,
        lines=walk.number,
        readable=len({part.commitment for part in parts}),
        torn_bytes=len(walk.torn),
        head=Head(n=last.n, hash=last.hash) if last else None,
        problems=tuple(problems),
    )


def _breaks(number: int, line: Line, last: Line | None) -> Iterator[str]:
    """Say how a line does not follow the `last` one; nothing where that could not be read."""
    if number == 1 and (line.n, line.previous) != (1, FIRST):
        yield f"the log begins with number {line.n}: what stood before was removed"
    if last is None:
        return
    said = f"line {number} has number {line.n}, and the one before {last.n}"
    if line.n > last.n + 1:
        yield f"{said}: what stood between was removed, or moved"
    elif line.n <= last.n:
        yield f"{said}: it was moved or inserted"
    elif line.previous != last.hash:
        yield f"line {number} does not follow the one before: that was changed or inserted"


def _lost_head(head: Head, last: Line | None) -> str:
    if last is None or last.n < head.n:
        return (
            f"the head that was kept is line {head.n}, and the log ends with line "
            f"{last.n if last else 0}: its tail was cut"
        )
    return f"line {head.n} is not the one that was kept as the head: the log was written anew"


def read_head(path: Path) -> Head:
    """Read a head that `write_head` has kept. Raises `ConfigError` where it is none."""
    try:
        version, content = read_versioned(path)
        if version != FORMAT_VERSION:
            raise ValueError(f"format version {version!r}, this SPANER reads {FORMAT_VERSION}")
        return fit(content, Head)
    except (OSError, ValueError) as error:
        why = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise ConfigError(
            f"--head {path}: it is no head of an audit log ({why}); give a file that `spaner audit "
            "--save-head` wrote"
        ) from error


def write_head(path: Path, head: Head) -> None:
    """Keep the head of a log, in place of one that was kept before."""
    write_json(path, {"format_version": FORMAT_VERSION, "n": head.n, "hash": head.hash})


def _opened(path: Path) -> BufferedReader:
    try:
        return open_ordinary(path)
    except FileNotFoundError:
        raise DataError(
            f"{path}: there is no audit log yet; the first action that links or shows rows makes it"
        ) from None
