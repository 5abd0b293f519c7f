"""Finds the rows nearest to queries among an index's vectors, exactly.

Every row is scored by its float16 vectors, and those that rounding may have put in the wrong place
are scored again by the float32 ones.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import torch
from spaner_core.devices import one_thread
from spaner_core.evaluation.ranking import score_steps
from torch import Tensor

from spaner.index.files import ModalityIndex
from spaner.index.shards import Shard, parts_at

BLOCK_ROWS = 2048
"""Rows that are scored at a time: 1 MB of float32 stays in a core's cache."""
PIECE_ROWS = 4 * BLOCK_ROWS
"""Rows that a thread takes at a time."""
HALF_ROUNDING = 2**-11
"""How far a float16 may be from what it stands for, relative to that."""
TINY = 1e-5
"""What is added for numbers too small for float16's precision, and for sums in float32."""


class Nearest(NamedTuple):
    """The rows nearest to one query: their places (k,) and cosines in millionths (k,)."""

    places: Tensor
    steps: Tensor


class _Scores(NamedTuple):
    """Scores (Q, n) of rows, and how far each may be off (n,)."""

    values: Tensor
    doubt: Tensor


def find_nearest(
    index: ModalityIndex, queries: Tensor, *, strength: float, k: int, allowed: Tensor | None = None
) -> list[Nearest]:
    """Find the k rows nearest to each of `queries` (Q, D) of unit length at a pull `strength`.

    Only rows where `allowed` (n,) is true are looked at. Rows that tie keep the index's order.
    """
    with one_thread(), torch.inference_mode():
        scores = _scan(index, queries, strength=strength)
        if allowed is not None:
            scores.values[:, ~allowed] = -torch.inf
        k = min(k, len(index.rows) if allowed is None else int(allowed.sum()))
        return [
            _settle(index, query, _Scores(row, scores.doubt), strength=strength, k=k)
            for query, row in zip(queries, scores.values, strict=True)
        ]


def _settle(
    index: ModalityIndex, query: Tensor, scores: _Scores, *, strength: float, k: int
) -> Nearest:
    """Score again, in float64, every row that may be among the first k."""
    if not k:
        return Nearest(torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int32))
    sure = (scores.values - scores.doubt).topk(k).values[-1]
    places = (scores.values + scores.doubt >= sure).nonzero().flatten()
    vectors = parts_at(index.shards, places).at(strength).double()
    steps = score_steps(query.double().unsqueeze(0), vectors)[0]
    order = steps.argsort(descending=True, stable=True)[:k]
    return Nearest(places[order], steps[order])


def _scan(index: ModalityIndex, queries: Tensor, *, strength: float) -> _Scores:
    """Score all rows on as many threads as there are cores."""
    weighted = torch.stack([queries * (1 - strength), queries * strength])  # (2, Q, D)
    used = [side for side, weight in enumerate((1 - strength, strength)) if weight > 0]
    score = partial(_score, weighted=weighted, used=used, strength=strength)
    pieces = [
        (shard, range(len(shard))[start : start + PIECE_ROWS])
        for shard in index.shards
        for start in range(0, len(shard), PIECE_ROWS)
    ]
    if len(pieces) == 1:  # to start a thread takes longer
        found = [score(*pieces[0])]
    else:
        with ThreadPoolExecutor(_cores()) as pool:
            found = list(pool.map(lambda piece: score(*piece), pieces))
    if not found:
        return _Scores(queries.new_zeros(len(queries), 0), queries.new_zeros(0))
    return _Scores(
        torch.cat([part.values for part in found], dim=1),
        torch.cat([part.doubt for part in found]),
    )


def _score(
    shard: Shard, piece: range, *, weighted: Tensor, used: Sequence[int], strength: float
) -> _Scores:
    """Score rows of a shard, a block at a time, in one thread."""
    with torch.inference_mode():
        # a new one for every block would be twice the work
        room = torch.empty(BLOCK_ROWS, weighted.shape[-1])
        values = torch.zeros(weighted.shape[1], len(piece))
        for start in range(0, len(piece), BLOCK_ROWS):
            block = piece[start : start + BLOCK_ROWS]
            rows, part = room[: len(block)], values[:, start : start + len(block)]
            for side in used:
                rows.copy_(shard.coarse[side, block.start : block.stop])
                part.addmm_(weighted[side], rows.T)
        return _scaled(values, shard.products[:, piece.start : piece.stop], strength=strength)


def _scaled(values: Tensor, products: Tensor, *, strength: float) -> _Scores:
    """Divide products with queries (Q, n) by the lengths of what was composed."""
    own, pull = products
    # squared length of (1 - strength) h + strength p: h is a direction of length 1, p a pull
    squares = (1 - strength) ** 2 + 2 * strength * (1 - strength) * own + strength**2 * pull
    lengths = squares.clamp_min(1e-12).sqrt()
    size = (1 - strength) + strength * pull.sqrt()
    return _Scores(values / lengths, (HALF_ROUNDING * size + TINY) / lengths)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
