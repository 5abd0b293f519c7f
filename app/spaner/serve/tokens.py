"""Reads the tokens with which clients show who they are."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spaner_core.errors import ConfigError

VARIABLE = "SPANER_TOKEN"
SHORTEST = 16
"""Letters of a token that cannot be guessed."""


@dataclass(frozen=True)
class Tokens:
    """The SHA-256 of each token that is let in, by its name; the tokens themselves are not kept."""

    digests: Mapping[str, bytes] = field(repr=False)

    def name_of(self, given: bytes) -> str | None:
        """Return the name of a token, None for one that is not known.

        All are compared, each in a time that does not depend on where it differs.
        """
        digest, found = hashlib.sha256(given).digest(), None
        for name, known in self.digests.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found


def read_tokens(path: Path | None) -> Tokens | None:
    """Read the tokens of a file, a line `NAME TOKEN` each, or the one in `SPANER_TOKEN`.

    None where neither is given. Raises `ConfigError` for a file that others may read, a line that
    is none, a name that stands twice and a token that is too short; no message shows a token.
    """
    if path is not None:
        return _of_file(path)
    token = os.environ.get(VARIABLE)
    return None if token is None else _digested({"token": token.strip()}, VARIABLE)


def _of_file(path: Path) -> Tokens:
    try:
        content, mode = path.read_text(encoding="utf-8"), path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(
            f"--token-file {path}: {why}; expected a file with a line NAME TOKEN for each client"
        ) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(
            f"--token-file {path}: others may read it; expected a file of yours alone; "
            f"chmod 600 {path}"
        )
    named: dict[str, str] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 2 or parts[0] in named:
            raise ConfigError(
                f"{path}:{number}: expected NAME TOKEN with a blank between, each name once; "
                "correct the line"
            )
        named[parts[0]] = parts[1]
    return _digested(named, str(path))


def _digested(named: Mapping[str, str], where: str) -> Tokens:
    if not named or min(map(len, named.values())) < SHORTEST:
        raise ConfigError(
            f"{where}: expected tokens of at least {SHORTEST} letters; make one with "
            "`python -c 'import secrets; print(secrets.token_urlsafe())'`"
        )
    return Tokens({name: hashlib.sha256(t.encode()).digest() for name, t in named.items()})
