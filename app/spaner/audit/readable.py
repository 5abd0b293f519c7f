"""Keeps what people may read of actions where it can be erased.

`audit.jsonl` has its readable part in `audit.readable.jsonl`: an object a line with the
`commitment` that the log's line has, `at`, a `salt`, and the `content`. Any line may be erased.
Whoever writes here holds the lock on the log.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spaner_core.files.atomic import written_at_end
from spaner_core.files.documents import fit, parse_json
from spaner_core.files.ordinary import open_ordinary

from spaner.audit.lines import canonical, commitment_to

SALT_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Readable:
    """What can be read of one action."""

    commitment: str
    at: str
    salt: str
    content: Mapping[str, Any]

    @property
    def is_true(self) -> bool:
        """Whether it is what the log's line is bound to."""
        return commitment_to(self.content, self.salt) == self.commitment


def readable_path(log: Path) -> Path:
    """Return where the readable part of the log at `log` is."""
    return log.with_name(f"{log.stem}.readable{log.suffix}")


def committed(content: Mapping[str, Any], *, at: str) -> Readable:
    """Bind content to a new salt."""
    salt = secrets.token_hex(SALT_BYTES)
    return Readable(commitment=commitment_to(content, salt), at=at, salt=salt, content=content)


def as_bytes(parts: Iterable[Readable]) -> bytes:
    """Return parts as they are written, a line each."""
    return b"".join(canonical(asdict(part)) + b"\n" for part in parts)


def read_parts(path: Path) -> Iterator[Readable]:
    """Read the parts that are there, none of a damaged line."""
    try:
        file = open_ordinary(path)
    except FileNotFoundError:
        return
    with file:
        for written in file:
            if (part := _read(written)) is not None:
                yield part


def erase(path: Path, is_kept: Callable[[Readable], bool]) -> int:
    """Erase parts for good, and damaged lines; return how many parts went.

    The rest is written anew, whole or not at all, with the same rights.
    """
    if not path.exists():
        return 0
    erased = 0
    with written_at_end(path) as partial:
        with partial.open("wb") as file:
            for part in read_parts(path):
                if is_kept(part):
                    file.write(as_bytes([part]))
                else:
                    erased += 1
        shutil.copymode(path, partial)
    return erased


def erase_old(path: Path, *, before: str, slack_before: str) -> None:
    """Erase parts from before a time, once there are any from before an earlier one.

    Parts stand by time: looking at the first one is enough, and each rewriting takes many.
    """
    first = next(read_parts(path), None)
    if first is not None and first.at < slack_before:
        erase(path, lambda part: part.at >= before)


def ends_whole(descriptor: int) -> bool:
    """Tell whether an open file is empty or ends with the end of a line."""
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _read(written: bytes) -> Readable | None:
    try:
        return fit(parse_json(written), Readable)
    except (ValueError, json.JSONDecodeError):
        return None
