"""Cuts a long sequence into windows."""

from __future__ import annotations


def window_starts(length: int, *, window: int, hop: int) -> list[int]:
    """Return where windows of `window` steps start in `length` steps, one every `hop`.

    The last one ends where the sequence ends, so that nothing is cut off; a sequence no longer
    than a window has one, at 0.
    """
    last = length - window
    if last <= 0:
        return [0]
    starts = list(range(0, last + 1, hop))
    return starts if starts[-1] == last else [*starts, last]
