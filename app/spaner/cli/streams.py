"""Makes standard streams take any text, and keeps terminals safe from it."""

from __future__ import annotations

import io
import os
import re
import sys
import unicodedata
from typing import Any

REPLACEMENT = "\ufffd"
FAILING = ("strict", "surrogateescape")
"""What a stream does with a sign that its encoding lacks, where that may be to raise an error."""

_STEERING = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1a\\x1c-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]"
    # libraries colour their lines, and move up to draw a second bar
    r"|\x1b(?!\[[0-9;]*m|\[A)"
)
_JOINERS = "\u200c\u200d"  # which Persian, Hindi and emoji are written with
_HARMLESS = ("Zs", "Co", "Cn")


class SafeStream(io.TextIOWrapper):
    """A text stream of this process, whoever writes to it: its libraries and plugins, too.

    What would steer a terminal is replaced. Where it is `losable`, what cannot be written is let
    go: work does not end because nobody reads its notes.
    """

    losable = False
    replaced: io.TextIOWrapper | None = None
    """The stream of the same buffer before, which would close it when it is forgotten."""

    def write(self, text: str) -> int:
        """Write text; return its length."""
        try:
            super().write(_STEERING.sub(REPLACEMENT, text))
        except OSError:
            if not self.losable:
                raise
            self.drop()
        return len(text)

    def flush(self) -> None:
        """Write out what waits."""
        try:
            super().flush()
        except OSError:
            if not self.losable:
                raise
            self.drop()

    def drop(self) -> None:
        """Write to nothing from now on."""
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self.fileno())
        os.close(nothing)


def prepare_streams() -> tuple[SafeStream, SafeStream]:
    """Put safe streams in the places of standard output and error; return both.

    What is closed is opened on nothing: else a file opened later would get its number, and with it
    what is printed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, this one
            os.set_inheritable(number, True)
    output, notes = _safe(sys.stdout, 1), _safe(sys.stderr, 2)
    notes.losable = True
    sys.stdout, sys.stderr = output, notes
    return output, notes


def _safe(stream: Any, number: int) -> SafeStream:
    if not isinstance(stream, io.TextIOWrapper):  # it was closed
        return SafeStream(open(number, "wb", closefd=False), encoding="utf-8", errors="replace")
    safe = SafeStream(
        stream.buffer,
        encoding=stream.encoding,
        errors="replace" if stream.errors in FAILING else stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    safe.replaced = stream
    return safe


def plain(words: str) -> str:
    """Return words without what would steer a terminal or hide in it, a line break apart."""
    if words.isprintable():
        return words
    return "".join(sign if sign in "\n\t" or _is_shown(sign) else REPLACEMENT for sign in words)


def escaped(json: str) -> str:
    """Return JSON that says the same, with the code of every sign that `plain` replaces."""
    if json.isprintable():
        return json
    return "".join(sign if sign in "\n\t" or _is_shown(sign) else _code(sign) for sign in json)


def _is_shown(sign: str) -> bool:
    return sign.isprintable() or sign in _JOINERS or unicodedata.category(sign) in _HARMLESS


def _code(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))
