"""Stands before the service: who is let in, and within which bounds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from spaner.serve.errors import Refused, status_and_line
from spaner.serve.limits import Limits
from spaner.serve.tokens import Tokens

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
"""What every answer carries."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPEN, OPEN_BELOW = ("/", "/health"), "/page/"
"""Paths that need no token: they tell nothing of the data."""


@dataclass
class Held:
    """What is in memory of all requests together."""

    requests: int = 0
    body_bytes: int = 0


class Guard:
    """An ASGI application around another one, which never sees what is refused here.

    `hosts` are the names under which it may be asked, None for any: without a token, a page of
    another site that has its own name lead here could ask it otherwise.
    """

    def __init__(
        self, app: ASGIApp, *, limits: Limits, tokens: Tokens | None, hosts: tuple[str, ...] | None
    ) -> None:
        self._app, self._limits, self._tokens, self._hosts = app, limits, tokens, hosts
        self._held = Held()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            self._admit(scope)
            await self._bounded(scope, receive, answer)
        except Exception as error:
            if answer.begun:
                raise ConnectionAbortedError from None
            await answer.refuse(*status_and_line(error))

    def _admit(self, scope: Scope) -> None:
        """Raise `Refused` unless the client may ask this."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts is not None and _name_of(host) not in self._hosts:
            raise Refused(403, "this service answers under localhost alone")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise Refused(403, "pages of other sites may not ask this service")
        scope["client_name"] = None if self._tokens is None else self._name(scope, headers)

    def _name(self, scope: Scope, headers: Headers) -> str | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        name = None
        if self._tokens is not None and kind.lower() == "bearer":
            name = self._tokens.name_of(token.strip().encode("latin-1", "replace"))
        if name is None and not _is_open(scope["path"]):
            raise Refused(401, "a token is needed; send it as `Authorization: Bearer TOKEN`")
        return name

    async def _bounded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if self._held.requests >= self._limits.requests:
            raise Refused(503, "too many requests at once; ask again in a moment")
        self._held.requests += 1
        body = bytearray()
        try:
            await self._read(scope, receive, body)
            async with asyncio.timeout(self._limits.answer_s):
                await self._app(scope, _replayed(bytes(body), receive), answer.send)
        finally:
            self._held.requests -= 1
            self._held.body_bytes -= len(body)

    async def _read(self, scope: Scope, receive: Receive, body: bytearray) -> None:
        """Read a request's body. Raises `Refused` where it is too large, too slow or cut off."""
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > self._limits.body_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._limits.sending_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "the request was cut off")
                    self._take(message.get("body", b""), body)
                    if not message.get("more_body", False):
                        return
        except TimeoutError:
            raise Refused(408, f"the request took over {self._limits.sending_s:g} s") from None

    def _take(self, part: bytes, body: bytearray) -> None:
        if len(body) + len(part) > self._limits.body_bytes:
            raise self._too_large()
        if self._held.body_bytes + len(part) > self._limits.held_bytes:
            raise Refused(503, "too much is being sent at once; ask again in a moment")
        body += part
        self._held.body_bytes += len(part)

    def _too_large(self) -> Refused:
        most = self._limits.body_bytes // 2**20
        return Refused(413, f"the request is too large; expected at most {most} MB")


class _Answer:
    """An answer on its way to the client."""

    def __init__(self, send: Send) -> None:
        self._send, self.begun = send, False

    async def send(self, message: Message) -> None:
        """Pass on a part of it, and put the headers that every answer carries on the first."""
        if message["type"] == "http.response.start":
            self.begun = True
            own = {name for name, _ in message.get("headers", ())}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [
                *message.get("headers", ()),
                *(pair for pair in more if pair[0] not in own),
            ]
        await self._send(message)

    async def refuse(self, status: int, line: str) -> None:
        """Answer with an error; a client that still sends is not listened to."""
        content = json.dumps({"error": line}, ensure_ascii=False).encode("utf-8", "replace")
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        headers.append((b"content-length", str(len(content)).encode()))
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": content})


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read, and then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _name_of(host: str) -> str:
    """Return a host's name without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_BELOW)
