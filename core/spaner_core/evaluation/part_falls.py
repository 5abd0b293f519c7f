"""Says how much each part of an input adds to a score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHRINKAGE = 1.0
"""What ridge regression adds to the number of covers that a part is in."""


def draw_covers(parts: int, *, most: int) -> NDArray[np.bool_]:
    """Say which parts are covered in each of at most `most` copies of an input, (n, parts).

    Each part is covered alone, then random halves of the parts and what these leave, the same ones
    each time. There are fewer copies where `parts` have fewer halves, none of a single part.
    """
    if parts < 2:
        return np.zeros((0, parts), np.bool_)
    alone = np.eye(parts, dtype=np.bool_)[:most]
    # RandomState's stream is frozen for good
    halves = np.random.RandomState(0).rand(max(most - parts, 0) // 2, parts) < 0.5
    drawn = np.concatenate([alone, np.stack([halves, ~halves], axis=1).reshape(-1, parts)])
    within = drawn[drawn.any(axis=1) & ~drawn.all(axis=1)]
    _, firsts = np.unique(within, axis=0, return_index=True)
    return within[np.sort(firsts)]


def fit_falls(covers: NDArray[np.bool_], falls: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much a score falls for each of the parts, (parts,), by ridge regression.

    `falls` (n,) are those of copies whose `covers` (n, parts) are covered; NaN where nothing could
    be measured. Parts are covered alone and beside others, so that what several show counts for
    each, and a cover that merely looks strange counts less.
    """
    known = ~np.isnan(falls)
    covered, fallen = covers[known].astype(np.float64), falls[known]
    covered, fallen = covered - covered.mean(axis=0), fallen - fallen.mean()
    shrunk = covered.T @ covered + SHRINKAGE * np.eye(covers.shape[1])
    return np.asarray(np.linalg.solve(shrunk, covered.T @ fallen))
