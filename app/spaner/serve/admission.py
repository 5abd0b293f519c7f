"""Says who may ask the service."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from spaner.serve.errors import Refused
from spaner.serve.tokens import Tokens

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPEN, OPEN_BELOW = ("/", "/health"), "/page/"
"""Paths that need no token: they say nothing of the data."""


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Who may ask: whoever has one of the `tokens`, or without these whoever is on this machine.

    Pages of other sites may not, whatever the browser in which they are shown can reach: their
    origin is another. One that has its own name lead here would have the same; so without tokens
    the service answers to the machine's own names alone.
    """

    tokens: Tokens | None

    def admit(self, path: str, headers: Headers) -> str | None:
        """Return the name of a client's token, if it has one. Raises `Refused`."""
        host = headers.get("host", "")
        if self.tokens is None and _name_of(host) not in LOOPBACK:
            raise Refused(403, "this service answers under localhost alone")
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            raise Refused(403, "pages of other sites may not ask this service")
        return None if self.tokens is None else self._name(self.tokens, path, headers)

    def _name(self, tokens: Tokens, path: str, headers: Headers) -> str | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            name = tokens.name_of(token.strip().encode("latin-1", "replace"))
            if name is not None:
                return name
        if path in OPEN or path.startswith(OPEN_BELOW):
            return None
        raise Refused(401, "a token is needed; send it as `Authorization: Bearer TOKEN`")


def _name_of(host: str) -> str:
    """Return a host's name without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
