"""Bounds what a client may send and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most that is taken of one client, and of all together.

    A request's body has at most `body_bytes`, and all bodies in memory at most `held_bytes`. It
    must be there within `sending_s` seconds, and is answered within `answer_s` or refused. At most
    `requests` are answered at the same time, of at most `connections`; one on which nothing whole
    was asked for `idle_s` seconds ends.
    """

    body_bytes: int = 24 * 2**20
    held_bytes: int = 128 * 2**20
    sending_s: float = 20.0
    answer_s: float = 60.0
    requests: int = 64
    connections: int = 256
    idle_s: float = 10.0

    @property
    def file_bytes(self) -> int:
        """Bytes of a file that a request can hold as base64, beside what else it says."""
        return (self.body_bytes - 2**14) // 4 * 3
