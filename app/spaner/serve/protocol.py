"""Ends connections of clients that are slow to ask or to listen."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def watched_protocol(every_s: float) -> type[H11Protocol]:
    """Return the protocol that ends a connection on which nothing was asked for `every_s` seconds.

    What bounds the time from a question to its answer stands before the service.
    """

    class Watched(H11Protocol):
        """A connection that is looked at from time to time."""

        _watch: asyncio.TimerHandle
        _seen: Any = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            """Begin to look."""
            super().connection_made(transport)
            self._watch = self.loop.call_later(every_s, self._look)

        def connection_lost(self, exc: Exception | None) -> None:
            """Look no more."""
            self._watch.cancel()
            super().connection_lost(exc)

        def _look(self) -> None:
            """End it, whatever was not sent yet, unless a request is answered or is a new one."""
            cycle: Any = self.cycle
            idle = cycle is None or cycle.response_complete
            if self.transport.is_closing() or (idle and cycle is self._seen):
                self.transport.abort()
                return
            self._seen = cycle
            self._watch = self.loop.call_later(every_s, self._look)

    return Watched
