"""What a block of scores says: who is among the first, and where the relevant rows stand.

Scores are whole millionths of a cosine, as `score_steps` gives them, so that ties are exact.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from spaner_core.evaluation.retrieval import Rows, blocks, score_steps, unit_rows


def scored_blocks(
    queries: Tensor, gallery: Tensor, relevant: Rows
) -> Iterator[tuple[Tensor, Tensor]]:
    """Give the scores of some queries at a time and which of them are relevant.

    Shapes: `queries` (Q, D), `gallery` (G, D), `relevant` (Q, G) bool; each block is scores
    (b, G) int32 and marks (b, G) bool. Raises `ValueError` when shapes do not fit or an entry is
    not finite.
    """
    queries, gallery = unit_pair(queries, gallery)
    if tuple(relevant.shape) != (len(queries), len(gallery)):
        raise ValueError(
            f"got relevance of {tuple(relevant.shape)} for {len(queries)} queries and "
            f"{len(gallery)} gallery rows; expected ({len(queries)}, {len(gallery)}); give one row "
            "of it a query"
        )
    for block in blocks(len(queries), width=len(gallery)):
        yield score_steps(queries[block], gallery), relevant[block].to(gallery.device)


def first_places(steps: Tensor, *, k: int) -> Tensor:
    """Say how far each gallery row is among the first k of each query, (b, G) float64, 0 to 1.

    `steps` (b, G) are scores; rows of the answer sum to min(k, G). Where several gallery rows tie
    for the last places each takes an equal part of them: the expected outcome of a random choice.
    Raises `ValueError` when k < 1.
    """
    check_k(k)
    k = min(k, steps.shape[1])
    last = steps.topk(k, dim=1).values[:, -1:]  # (b, 1) score of the k-th place
    nearer, tied = (steps > last).double(), (steps == last).double()
    left = k - nearer.sum(dim=1, keepdim=True)
    return nearer + tied * left / tied.sum(dim=1, keepdim=True)


def relevant_ranks(steps: Tensor, relevant: Tensor) -> tuple[Tensor, Tensor]:
    """First relevant rank (from 1) and average precision of each query, (b,) int64 and float64.

    `steps` and `relevant` are (b, G), and every query has a relevant row. Among equal scores the
    relevant rows rank last, as in `retrieval`.
    """
    # The lowest bit is 0 for relevant rows: it breaks ties against them and, after sorting, tells
    # where they went.
    keys = 2 * steps + (~relevant).to(steps.dtype)
    hits = keys.sort(dim=1, descending=True).values % 2 == 0
    places = torch.arange(1, hits.shape[1] + 1, device=hits.device, dtype=torch.float64)
    precision = (hits.cumsum(dim=1) / places * hits).sum(dim=1) / hits.sum(dim=1)
    return hits.to(torch.int8).argmax(dim=1) + 1, precision


def unit_pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return both as float64 unit rows, (A, D) and (B, D); `ValueError` when widths differ."""
    a, b = unit_rows(a), unit_rows(b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"got vectors {a.shape[1]} and {b.shape[1]} wide; expected one width; "
            "take the aligners of one space"
        )
    return a, b


def check_k(k: int) -> None:
    """Raise `ValueError` unless k is a whole number from 1."""
    if not isinstance(k, int) or k < 1:
        raise ValueError(f"got k = {k}; expected a whole number from 1; give for example 10")
