"""Compares names in one Unicode form, and finds those that look alike.

A name is what rows are brought together by: a concept, an item, an id, a split. Two programs may
write one name in two Unicode forms (macOS takes é apart in the names of files), so names are
composed (NFC) where they are read, and compared so. Inputs are no names: a path is what it is on
disk. Standard library only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What no name holds, a slip that nobody sees: line breaks and other control characters."""

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's Default_Ignorable_Code_Point: zero-width signs, soft hyphens, byte-order marks."""


def compose(name: str) -> str:
    """Return a name in the form in which names are compared, Unicode's NFC."""
    return unicodedata.normalize("NFC", name)


def compose_distinct(written: Iterable[str]) -> dict[str, str]:
    """Compose names that are told apart, and keep them apart; return each by what is `written`.

    Where several compose to one name, it goes to the one that is written so, else to the first.
    The others keep their spelling, which no composed name equals.
    """
    composed = {name: compose(name) for name in written}
    taken = {name for name in composed if composed[name] == name}
    names: dict[str, str] = {}
    for name, form in composed.items():
        names[name] = name if form in taken else form
        taken.add(form)
    return names


def look_alikes(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Group names that differ by Unicode form, invisible characters, case or blanks alone.

    Groups and their names are sorted. A name that shows nothing is a group by itself.
    """
    groups: dict[str, set[str]] = {}
    for name in names:
        groups.setdefault(_seen(name), set()).add(name)
    return [
        tuple(sorted(group)) for seen, group in sorted(groups.items()) if len(group) > 1 or not seen
    ]


def spell(name: str) -> str:
    """Quote a name so that names that look alike do not: what cannot be seen is escaped."""
    hidden = _INVISIBLE.search(name) or compose(name) != name
    return ascii(name) if hidden else repr(name)


def _seen(name: str) -> str:
    solid = "".join(name.split())
    if solid.isascii():  # as most are, and there may be many
        return solid.casefold()
    return compose(compose(_INVISIBLE.sub("", solid)).casefold())
