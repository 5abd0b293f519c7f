"""Says who acts: the system's user, or a token's name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_NAME: ContextVar[str | None] = ContextVar("spaner_acting_as", default=None)

LONGEST = 100
"""Characters of a name that are kept."""


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Have the audit log name somebody else than the system's user for what the block does.

    A service opens it around each request; threads and tasks that copy its context know the name.
    """
    token = _NAME.set(name)
    try:
        yield
    finally:
        _NAME.reset(token)


def who_acts() -> str:
    """Return the name of whoever acts, in characters that can be printed."""
    name = _NAME.get()
    return cleaned(_system_user() if name is None else name)


def cleaned(name: str) -> str:
    """Return a name without what could steer a terminal or hide in it, and not too long."""
    signs = (sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name[:LONGEST])
    return "".join(signs)


def _system_user() -> str:
    """Ask the system, not the environment, which anybody may set."""
    try:
        import pwd
    except ImportError:  # Windows
        return os.getlogin()
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without an entry in passwd
        return f"uid {os.getuid()}"
