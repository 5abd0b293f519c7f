"""Defines the lines of an audit log, each bound to the last.

A line is an object of JSON in ASCII, keys sorted, without blanks. `hash` is the SHA-256 of the line
without it; `previous` is the hash of the line before, 64 zeros in the first one. What people may
read of an action stands elsewhere: `commitment` is the SHA-256 of its salt and its JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from spaner_core.files.documents import fit, parse_json
from spaner_registry.config.policy import Purpose

FORMAT_VERSION = 1
FIRST = "0" * 64
"""What the first line names as the hash of the line before."""

MEND = "mend"
"""The action of a writer that has cut what a killed one had written of a line."""

Outcome = Literal["begun", "done", "refused", "failed"]
"""`begun` stands before anything is changed; `refused` is the policy's answer."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a line says of an action.

    `at` is in UTC. `pairs` are ordered: who looks, takes labels or is measured, and what is found.
    `modalities` are all that took part. `prompt` is the fingerprint of the space's prompt, and
    `aligners` are those of its aligners, by modality. `begun` is the number of the line that this
    one ends.
    """

    action: str
    outcome: Outcome
    who: str
    at: str
    purpose: Purpose | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    modalities: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    prompt: str | None = None
    aligners: Mapping[str, str] = field(default_factory=dict)
    commitment: str | None = None
    begun: int | None = None


@dataclass(frozen=True, kw_only=True)
class Line(Entry):
    """A line in its place."""

    n: int
    previous: str
    hash: str
    format_version: int = FORMAT_VERSION


def sealed(entry: Entry, *, before: Line | None) -> Line:
    """Give an entry its place behind the line before."""
    said = asdict(entry)
    place = {"n": before.n + 1 if before else 1, "previous": before.hash if before else FIRST}
    digest = _hash({**said, **place, "format_version": FORMAT_VERSION})
    return Line(**{**vars(entry), **place}, hash=digest)


def as_bytes(line: Line) -> bytes:
    """Return a line as it is written, with its end."""
    return canonical(asdict(line)) + b"\n"


def read_line(written: bytes) -> Line:
    """Read what `as_bytes` gave, without its end. Raises `ValueError` for anything else."""
    content = parse_json(written)
    if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION:
        raise ValueError(f"it is no line of format version {FORMAT_VERSION}")
    line = fit(content, Line)
    if as_bytes(line) != written + b"\n":
        raise ValueError("it is written in another way")
    if _hash({key: content[key] for key in content if key != "hash"}) != line.hash:
        raise ValueError("its hash is not that of what it says")
    return line


def canonical(content: object) -> bytes:
    """Write JSON in the one form that is hashed."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def commitment_to(content: Mapping[str, Any], salt: str) -> str:
    """Return what binds a line to content that is kept elsewhere; `salt` is in hexadecimal."""
    return hashlib.sha256(bytes.fromhex(salt) + canonical(content)).hexdigest()


def now() -> str:
    """Return the time as lines have it, in milliseconds, in UTC."""
    return written_time(datetime.now(UTC))


def written_time(moment: datetime) -> str:
    """Return a time as lines have it; such texts sort by time."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()
