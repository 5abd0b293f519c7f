"""Limits how large a picture may be, by its header."""

from __future__ import annotations

from dataclasses import dataclass

from spaner_core import UnusableInput

MOST_PIXELS = 89_478_485
"""Pixels of the largest picture that is decoded; Pillow's own bound, 256 MiB as RGB."""

MOST_PAGES = 64
"""Pages of the longest document that is read whole; each is a window of the same sample."""

MOST_UNEVEN = 100.0
"""Longest side over shortest where the shortest is scaled to what a model takes."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an encoder can take: pages of one input, and how uneven a picture's sides may be."""

    pages: int
    unevenness: float


def check_size(width: int, height: int, *, limits: Limits) -> None:
    """Raise `UnusableInput` where a picture of this size cannot be used."""
    if width * height > MOST_PIXELS:
        raise UnusableInput(
            f"the picture is too large, {width} x {height} pixels; expected at most "
            f"{MOST_PIXELS:,} in all; scale it down or cut it"
        )
    if max(width, height) > limits.unevenness * min(width, height):
        raise UnusableInput(
            f"the picture is a strip of {width} x {height}; expected sides that differ at most "
            f"{limits.unevenness:g} times; cut it"
        )
