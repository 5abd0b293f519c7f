"""Stands before the service and keeps it within its bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from spaner.audit.who import acting_as
from spaner.serve.admission import Admission
from spaner.serve.errors import Refused, error_body, status_and_line
from spaner.serve.limits import Limits

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "cache-control": "private, no-cache",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
"""What every answer carries."""


class Guard:
    """An ASGI application around another one, which never sees what is refused here."""

    def __init__(self, app: ASGIApp, *, limits: Limits, admission: Admission) -> None:
        self._app, self._limits, self._admission = app, limits, admission
        self._requests = 0
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens; uvicorn ends the connection of half an answer."""
        answer = _Answer(send)
        try:
            name = self._admission.admit(scope["path"], Headers(scope=scope))
            with nullcontext() if name is None else acting_as(name):
                await self._bounded(scope, receive, answer)
        except Exception as error:
            status, line = status_and_line(error)
            if not answer.begun:
                await answer.refuse(status, line)

    async def _bounded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if self._requests >= self._limits.requests:
            raise Refused(503, "too many requests at once; ask again in a moment")
        self._requests += 1
        body = bytearray()
        try:
            await self._read(Headers(scope=scope), receive, body)
            async with asyncio.timeout(self._limits.answer_s):
                await self._app(scope, _replayed(bytes(body), receive), answer.send)
        finally:
            self._requests -= 1
            self._held_bytes -= len(body)

    async def _read(self, headers: Headers, receive: Receive, body: bytearray) -> None:
        """Read a request's body. Raises `Refused` where it is too large, too slow or cut off.

        What is too large is read to its end, or its time, all the same: a client that still sends
        would not hear why it is refused. One that asks first (`Expect`) is answered at once.
        """
        length = headers.get("content-length", "0")
        refused = None
        if length.isdecimal() and int(length[:20]) > self._limits.body_bytes:
            refused = self._too_large()
        if refused and "expect" in headers:
            raise refused
        try:
            async with asyncio.timeout(self._limits.sending_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "the request was cut off")
                    refused = refused or self._take(message.get("body", b""), body)
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            seconds = self._limits.sending_s
            raise refused or Refused(408, f"the request took over {seconds:g} s") from None
        if refused:
            raise refused

    def _take(self, part: bytes, body: bytearray) -> Refused | None:
        """Add a part to a body, or say why not."""
        if len(body) + len(part) > self._limits.body_bytes:
            return self._too_large()
        if self._held_bytes + len(part) > self._limits.held_bytes:
            return Refused(503, "too much is being sent at once; ask again in a moment")
        body += part
        self._held_bytes += len(part)
        return None

    def _too_large(self) -> Refused:
        most = self._limits.body_bytes / 2**20
        return Refused(413, f"the request is too large; expected at most {most:g} MB")


class _Answer:
    """An answer on its way to the client."""

    def __init__(self, send: Send) -> None:
        self._send, self.begun = send, False

    async def send(self, message: Message) -> None:
        """Pass on a part of it, and put the headers that every answer carries on the first."""
        if message["type"] == "http.response.start":
            self.begun = True
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message.get("headers", ()), *more]
        await self._send(message)

    async def refuse(self, status: int, line: str) -> None:
        """Answer with an error; a client that still sends is not listened to."""
        content = error_body(line)
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
