"""Notes which files and machines a block of code touches."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

Doing: TypeAlias = Literal["reads", "writes", "lists", "asks"]


class Deed(NamedTuple):
    """What was done with a path; with a machine ("asks"), under its name."""

    doing: Doing
    what: Path


_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(
    {
        *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink"),
        *("os.truncate", "os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr"),
    }
)
_LISTS = frozenset({"os.listdir", "os.scandir"})
_ASKS = frozenset(
    {
        *("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind"),
        *("socket.sendto", "socket.sendmsg", "urllib.Request", "http.client.connect"),
    }
)

_watching: list[list[Deed]] = []
"""A hook cannot be taken away again: there is one, which notes nothing outside of `audited`."""

_hooked: list[bool] = []


@contextmanager
def audited() -> Iterator[list[Deed]]:
    """Run a block; the list names what it does, in order. C libraries go unseen."""
    if not _hooked:
        sys.addaudithook(_note)
        _hooked.append(True)
    deeds: list[Deed] = []
    _watching.append(deeds)
    try:
        yield deeds
    finally:
        _watching.remove(deeds)


def _note(event: str, given: tuple[Any, ...]) -> None:
    if _watching:
        for deed in _deeds(event, given):
            for deeds in _watching:
                deeds.append(deed)


def _deeds(event: str, given: tuple[Any, ...]) -> Iterator[Deed]:
    if event in _ASKS:
        yield Deed(
            "asks", Path(" ".join(str(part) for part in given if isinstance(part, str | tuple)))
        )
    elif event == "open":
        path, _, flags = given
        yield from _of("writes" if isinstance(flags, int) and flags & _WRITES else "reads", path)
    elif event in _CHANGES:
        for path in given[:2]:
            yield from _of("writes", path)
    elif event in _LISTS:
        yield from _of("lists", given[0])


def _of(doing: Doing, path: object) -> Iterator[Deed]:
    """Give the deed, unless the path is the number of an open file, or None."""
    if isinstance(path, str | bytes):
        yield Deed(doing, Path(os.fsdecode(path)).absolute())
