"""Finds the first places and the relevant ranks in blocks of scores.

Scores are whole millionths of a cosine, as `score_steps` gives them, so that ties are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


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


def relevant_ranks(steps: Tensor, relevant: Tensor) -> tuple[Tensor, Tensor]:
    """First relevant rank (from 1) and average precision of each query, (b,) int64 and float64.

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
    return hits.to(torch.int8).argmax(dim=1) + 1, precision


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
