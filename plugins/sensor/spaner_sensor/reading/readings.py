"""Holds what a file of readings gives, whatever its format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from spaner_core import UnusableInput

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
"""Where an object stood in memory, which says nothing to people."""

LONGEST_SERIES = 10_000_000
"""Most steps of a file: more would fill the memory of an ordinary machine."""


@dataclass(frozen=True, kw_only=True)
class Readings:
    """Cells of a file as numbers.

    `values` (channels, rows) float64 holds NaN where a cell has no value; `seconds` (rows,)
    float64 are the rows' times since the first, where times are read; `lines` are the rows' lines
    in a text file, from 1.
    """

    values: NDArray[np.float64]
    seconds: NDArray[np.float64] | None = None
    lines: Sequence[int] | None = None

    def row(self, index: int) -> str:
        """Say where a row stands, counted from 1 without the header."""
        return name_row(index, self.lines)


def name_row(index: int, lines: Sequence[int] | None = None) -> str:
    """Say where row `index`, counted from 0, stands: `row 7`, in a text file with its line."""
    return f"row {index + 1}" + (f" (line {lines[index]})" if lines is not None else "")


def check_length(rows: int) -> None:
    """Raise `UnusableInput` where a file has more rows than can be read."""
    if rows > LONGEST_SERIES:
        raise UnusableInput(
            f"there are {rows} rows; expected at most {LONGEST_SERIES}; cut it into several"
        )


def unreadable(error: Exception, *, expected: str) -> UnusableInput:
    """Return the refusal for a file that a library cannot read, with the library's reason."""
    reason = " ".join(_ADDRESS.sub("", str(error)).split()) or type(error).__name__
    return UnusableInput(
        f"the file cannot be read ({reason[:200]}); expected {expected}; check or export it again"
    )
