"""Scores rows by their cosines in exact steps, and ranks them.

Cosines are taken in float64 and compared to six decimals: what differs by less is float32 noise.
So scores are whole millionths of a cosine, and ties are exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

SCORE_STEPS = 1_000_000
BLOCK_ENTRIES = 1 << 20
"""Entries of a block of scores: 20,000 by 20,000 takes some 200 MB, and larger is no faster."""
GALLERY_ROWS = 1 << 10
"""Rows of a gallery that are taken in float64 at a time: 200,000 of width 128 take 0.1 s."""


class Rows(Protocol):
    """A (Q, G) bool matrix that gives a slice of its rows: a tensor, or one made on demand."""

    @property
    def shape(self) -> Sequence[int]:
        """(Q, G)."""
        ...

    def __getitem__(self, block: slice, /) -> Tensor: ...


def unit_rows(vectors: Tensor) -> Tensor:
    """Return float64 rows of unit length, (n, D) to (n, D); a zero row stays zero.

    Formula: x / ‖x‖. Raises `ValueError` when `vectors` is no matrix or an entry is not finite.
    """
    if vectors.ndim != 2:
        raise ValueError(
            f"got vectors of shape {tuple(vectors.shape)}; expected (rows, width); "
            "give one vector a row"
        )
    vectors = vectors.detach().to(torch.float64)
    broken = int((~vectors.isfinite()).any(dim=1).sum())
    if broken:
        raise ValueError(
            f"got {broken} of {len(vectors)} vectors with NaN or infinity; expected finite "
            "numbers; look for a training that diverged or features that overflowed"
        )
    return functional.normalize(vectors, dim=1)


def unit_pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return both as float64 unit rows, (A, D) and (B, D); `ValueError` when widths differ."""
    a, b = unit_rows(a), unit_rows(b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"got vectors {a.shape[1]} and {b.shape[1]} wide; expected one width; "
            "take the aligners of one space"
        )
    return a, b


def score_steps(a: Tensor, b: Tensor) -> Tensor:
    """Cosines of unit rows (A, D) and (B, D) in whole millionths, (A, B) int32: exact ties."""
    return (a @ b.T * SCORE_STEPS).round().to(torch.int32)


def cosine_steps(queries: NDArray[np.float32], gallery: NDArray[np.float32]) -> NDArray[np.int32]:
    """Cosines of unit rows (Q, D) and (G, D) in whole millionths, (Q, G), as measures take them.

    Equal rows tie, which they do not in float32: there a row's score depends on its place.
    """
    wanted = torch.from_numpy(queries).double()
    parts = torch.split(torch.from_numpy(gallery), GALLERY_ROWS)
    return torch.cat([score_steps(wanted, part.double()) for part in parts], dim=1).numpy()


def blocks(rows: int, *, width: int) -> Iterator[slice]:
    """Cut `rows` rows of `width` entries into slices that fit in memory."""
    size = max(1, BLOCK_ENTRIES // max(1, width))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


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


class Cut(NamedTuple):
    """Who is among the first k: the `nearer` rows, (b, G) bool, and the `tied` ones in part.

    Rows that tie for the last places are there by `share` (b, 1) float64 each, 0 to 1.
    """

    nearer: Tensor
    tied: Tensor
    share: Tensor


def cut(steps: Tensor, *, k: int) -> Cut:
    """Cut each row of scores (b, G) after its first k places, or after G where that is less.

    Raises `ValueError` when k < 1.
    """
    check_k(k)
    k = min(k, steps.shape[1])
    last = steps.topk(k, dim=1).values[:, -1:]  # (b, 1) score of the k-th place
    nearer, tied = steps > last, steps == last
    left = (k - nearer.sum(dim=1, keepdim=True)).double()
    return Cut(nearer, tied, left / tied.sum(dim=1, keepdim=True))


def first_places(steps: Tensor, *, k: int) -> Tensor:
    """Say how far each gallery row is among the first k of each query, (b, G) float64, 0 to 1.

    `steps` (b, G) are scores; rows of the answer sum to min(k, G). Where several gallery rows tie
    for the last places each takes an equal part of them: the expected outcome of a random choice.
    Raises `ValueError` when k < 1.
    """
    nearer, tied, share = cut(steps, k=k)
    return nearer + tied * share


class RelevantRanks(NamedTuple):
    """The `first` relevant rank of each query (b,) int64, from 1, and its average `precision`.

    `precision` is (b,) float64.
    """

    first: Tensor
    precision: Tensor


def relevant_ranks(steps: Tensor, relevant: Tensor) -> RelevantRanks:
    """Find where the relevant rows of each query rank.

    `steps` and `relevant` are (b, G), and every query has a relevant row. Among equal scores the
    relevant rows rank last.
    """
    # The lowest bit is 0 for relevant rows: it breaks ties against them and, after sorting, tells
    # where they went, so that no index has to be carried along.
    keys = 2 * steps + (~relevant).to(steps.dtype)
    # numpy sorts whole numbers in half of torch's time, which is most of the time of an evaluation
    ranked = torch.from_numpy(np.sort((-keys).cpu().numpy(), axis=1)).to(steps.device)
    hits = (ranked & 1) == 0
    places = torch.arange(1, hits.shape[1] + 1, device=hits.device, dtype=torch.float64)
    precision = (hits.cumsum(dim=1) / places * hits).sum(dim=1) / hits.sum(dim=1)
    return RelevantRanks(hits.to(torch.int8).argmax(dim=1) + 1, precision)


def check_k(k: int) -> None:
    """Raise `ValueError` unless k is a whole number from 1."""
    if not isinstance(k, int) or k < 1:
        raise ValueError(f"got k = {k}; expected a whole number from 1; give for example 10")


def check_ks(ks: Sequence[int]) -> None:
    """Raise `ValueError` unless ks are different whole numbers from 1."""
    for k in ks:
        check_k(k)
    if len(set(ks)) != len(ks):
        raise ValueError(f"got ks {list(ks)}; expected different ones; give for example 1, 5, 10")
