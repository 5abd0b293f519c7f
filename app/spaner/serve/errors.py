"""Gives errors their HTTP status, and one line."""

from __future__ import annotations

import json
import logging
from concurrent.futures import CancelledError

from spaner_core.errors import (
    ConfigError,
    DataError,
    NotPermitted,
    PluginError,
    SpaceError,
    SpanerError,
    one_line,
)

_logger = logging.getLogger(__name__)

STATUSES: dict[type[SpanerError], int] = {
    DataError: 422,  # an input cannot be read
    NotPermitted: 403,
    ConfigError: 400,
    SpaceError: 409,  # space, index and request do not fit together
    PluginError: 503,
}


class Refused(SpanerError):  # noqa: N818  (the client reads it as a verdict)
    """A request that is refused, with its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def status_and_line(error: BaseException) -> tuple[int, str]:
    """Return the HTTP status of an error, and what the command line would say, in one line."""
    if isinstance(error, Refused):
        return error.status, str(error)
    if isinstance(error, CancelledError | TimeoutError):
        return 503, "the answer took too long; ask for less, or later"
    if isinstance(error, SpanerError):
        status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 400)
        return status, " ".join(str(error).split())
    if isinstance(error, OSError):
        return 503, f"a file cannot be read: {error.strerror or type(error).__name__}"
    line = one_line(error)
    _logger.error("internal error, please report it: %s", line, exc_info=_at_debug(error))
    return 500, f"internal error, please report it: {line}"


def error_body(line: str) -> bytes:
    """Return the JSON of an error, in signs that can be printed: a client may have made it up."""
    signs = (sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)
    return json.dumps({"error": "".join(signs)}).encode("ascii")


def _at_debug(error: BaseException) -> BaseException | None:
    return error if _logger.isEnabledFor(logging.DEBUG) else None
