"""Finds which column of a file is which channel."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spaner_core import UnusableInput

from spaner_sensor.options import ReadingOptions

SHOWN_NAMES = 12

_WITH_UNIT = re.compile(r"(?P<name>.*\S)\s*(?:\[(?P<square>[^\[\]]*)\]|\((?P<round>[^()]*)\))")

_SAME_SIGN = str.maketrans({"²": "2", "³": "3", "^": None, " ": None, "\u03bc": "µ"})
"""Spellings of a unit that mean the same: m/s², m/s^2, m/s2."""

_NOT_SECONDS = frozenset({"ns", "us", "µs", "\u03bcs", "ms", "min", "h", "d"})


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Places of the columns to read: those of `channels` in their order, and that of `time`."""

    channels: tuple[int, ...]
    time: int | None


@dataclass(frozen=True)
class _Name:
    """A column's name as written, and its parts where it carries a unit: `acc_x [m/s2]`."""

    written: str
    bare: str
    unit: str | None

    @classmethod
    def read(cls, written: str) -> _Name:
        written = " ".join(written.split())
        match = _WITH_UNIT.fullmatch(written)
        if match is None:
            return cls(written, written, None)
        return cls(written, match["name"], match["square"] or match["round"] or "")


def count_wanted(names: Sequence[str], options: ReadingOptions) -> int:
    """Return how many of the columns to read stand in a header."""
    read = [_Name.read(name) for name in names]
    return sum(bool(_places(read, name, options)) for name in _wanted(options))


def find_columns(names: Sequence[str], options: ReadingOptions) -> Columns:
    """Find the channels and the times among a file's columns.

    A name counts as written, without its unit, or else without regard to case. Raises
    `UnusableInput` where one is missing, stands there twice, or carries another unit than `units`
    says.
    """
    read = [_Name.read(name) for name in names]
    found = {name: _places(read, name, options) for name in _wanted(options)}
    for name, places in found.items():
        if len(places) > 1:
            written = ", ".join(repr(read[place].written) for place in places)
            raise UnusableInput(
                f"the header names {name!r} more than once ({written}); expected each column "
                "once; rename one"
            )
    missing = [name for name, places in found.items() if not places]
    if missing:
        raise UnusableInput(_missing(read, missing, options))
    for channel, unit in options.units.items():
        _check_unit(read[found[channel][0]], channel, unit)
    if options.time is not None:
        _check_seconds(read[found[options.time][0]])
    return Columns(
        channels=tuple(found[channel][0] for channel in options.channels),
        time=None if options.time is None else found[options.time][0],
    )


def _wanted(options: ReadingOptions) -> tuple[str, ...]:
    return options.channels if options.time is None else (*options.channels, options.time)


def _places(names: Sequence[_Name], wanted: str, options: ReadingOptions) -> list[int]:
    """Return where a column stands: by its exact name if anywhere, else by what is like it."""
    others = set(_wanted(options)) - {wanted}
    likenesses: tuple[Callable[[_Name], bool], ...] = (
        lambda name: name.written == wanted,
        lambda name: name.bare == wanted,
        lambda name: (
            wanted.casefold() in (name.written.casefold(), name.bare.casefold())
            and name.bare not in others
        ),
    )
    for alike in likenesses:
        places = [place for place, name in enumerate(names) if alike(name)]
        if places:
            return places
    return []


def _missing(names: Sequence[_Name], missing: Sequence[str], options: ReadingOptions) -> str:
    written = [name.written for name in names]
    if written and all(map(_is_number, written)):
        return (
            f"the first row holds {len(written)} numbers ({_shortened(written)}); expected a "
            f"header that names the channels; add the line {_shortened(_wanted(options))} with "
            "your columns' names, or save the numbers as .npy"
        )
    wanted = _wanted(options)
    return (
        f"there are {len(written)} columns ({_shortened(written)}); expected the "
        f"{len(wanted)} {'channels' if options.time is None else 'columns'} {_shortened(wanted)}, "
        f"of which {_shortened(missing)} are missing; rename the columns or set the options "
        "`channels` and `time`"
    )


def _check_unit(name: _Name, channel: str, unit: str) -> None:
    if name.unit is not None and name.unit.translate(_SAME_SIGN) != unit.translate(_SAME_SIGN):
        raise UnusableInput(
            f"the header gives channel {channel} in {name.unit!r} ({name.written}); expected "
            f"{unit!r}, as the option `units` says; convert the column and rename it"
        )


def _check_seconds(name: _Name) -> None:
    if name.unit in _NOT_SECONDS:
        raise UnusableInput(
            f"the header gives times in {name.unit!r} ({name.written}); expected seconds or ISO "
            "8601; convert the column and rename it"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.lower() != "nan"


def _shortened(names: Sequence[str]) -> str:
    more = len(names) - SHOWN_NAMES
    shown = ", ".join(
        name if len(name) <= 40 else name[:37] + "..." for name in names[:SHOWN_NAMES]
    )
    return f"{shown} and {more} more" if more > 0 else shown
