"""Retrieval across modalities: recall@k, mrr@10, mean average precision, median rank.

Scores are cosines in float64, compared to six decimals: what differs by less is float32 noise.
Among equal scores the relevant items rank *last*. So no figure depends on the gallery's order,
and an embedding that tells nothing apart cannot look good: a constant one scores recall 0.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from spaner_core.positives import Labels, SamplePositives

MRR_DEPTH = 10
SCORE_STEPS = 1_000_000
BLOCK_ENTRIES = 1 << 20
"""Entries of a block of scores: 20,000 by 20,000 takes some 200 MB, and larger is no faster."""


class Rows(Protocol):
    """A (Q, G) bool matrix that gives a slice of its rows: a tensor, or one made on demand."""

    @property
    def shape(self) -> Sequence[int]:
        """(Q, G)."""
        ...

    def __getitem__(self, block: slice, /) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """What a set of queries found in a gallery.

    `queries` counts all queries; `unanswerable` those of them without any relevant item, which
    every other figure leaves out. Figures are None (valid in JSON, unlike NaN) where no query is
    answerable. `mrr` looks at the first 10 places; `median_rank` counts from 1.
    """

    recall: dict[int, float | None]
    mrr: float | None
    mean_average_precision: float | None
    median_rank: float | None
    queries: int
    unanswerable: int


def retrieval(
    queries: Tensor, gallery: Tensor, relevant: Rows, *, ks: Sequence[int] = (1, 5, 10)
) -> Retrieval:
    """Rank the gallery for each query by cosine and measure where the relevant items are.

    Shapes: `queries` (Q, D), `gallery` (G, D), `relevant` (Q, G) bool. With r_q the rank (from 1)
    of the first relevant item of query q, ties ranked against it, and n_q its number of them:

        recall@k    = mean_q [r_q <= k]                     (a hit rate, not the share found)
        mrr@10      = mean_q (1 / r_q if r_q <= 10 else 0)
        mAP         = mean_q (1 / n_q) sum over relevant items i of (relevant up to i) / rank_i
        median rank = median_q r_q      (of an even number of queries: the middle two's mean)

    over the whole ranking and the queries with n_q > 0. Source: Manning, Raghavan and Schütze,
    Introduction to Information Retrieval (2008), section 8.4. Raises `ValueError` when shapes do
    not fit, an entry is not finite, or a k is not a positive whole number.
    """
    _check_ks(ks)
    queries, gallery = unit_rows(queries), unit_rows(gallery)
    if queries.shape[1] != gallery.shape[1] or tuple(relevant.shape) != (
        len(queries),
        len(gallery),
    ):
        raise ValueError(
            f"got queries {tuple(queries.shape)}, gallery {tuple(gallery.shape)} and relevant "
            f"{tuple(relevant.shape)}; expected (Q, D), (G, D) and (Q, G); compare the shapes"
        )
    first_ranks: list[int] = []
    precisions: list[float] = []
    for block in blocks(len(queries), width=len(gallery)):
        marks = relevant[block].to(gallery.device)  # (b, G)
        answerable = marks.any(dim=1)
        if not answerable.any():
            continue
        ranks, precision = _rank_block(queries[block][answerable], gallery, marks[answerable])
        first_ranks += ranks.tolist()
        precisions += precision.tolist()
    return _summarise(first_ranks, precisions, ks=ks, queries=len(queries))


def retrieval_by_pair(
    embeddings: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    *,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, float | None]:
    """Measure retrieval for every ordered pair of modalities, as one flat dict.

    Shapes: each embedding (n_m, D), its labels of n_m rows; rows of one sample count once, with
    the concepts of all of them. Keys: `{src}_to_{dst}_` with `recall@{k}`, `mrr@10`, `map`,
    `median_rank` and `unanswerable`, as `retrieval` defines them with
    `spaner_core.positives.positives` as relevance; `mean_` with `recall@{k}`, `mrr@10` and `map`,
    the plain mean over ordered pairs; and `primary_metric`, which is `mean_map`. A pair that has
    no answerable query has None figures and is left out of the means. Raises `ValueError` when
    the modalities, rows or widths do not fit.
    """
    check_same_rows(embeddings, labels)
    figures: dict[str, float | None] = {}
    shared = [*(f"recall@{k}" for k in ks), f"mrr@{MRR_DEPTH}", "map"]
    pairs = [(src, dst) for src in embeddings for dst in embeddings if src != dst]
    for src, dst in pairs:
        found = retrieval(
            embeddings[src][labels[src].first_rows().to(embeddings[src].device)],
            embeddings[dst][labels[dst].first_rows().to(embeddings[dst].device)],
            SamplePositives(labels[src], labels[dst]),
            ks=ks,
        )
        values = [*found.recall.values(), found.mrr, found.mean_average_precision]
        for name, value in zip(shared, values, strict=True):
            figures[f"{src}_to_{dst}_{name}"] = value
        figures[f"{src}_to_{dst}_median_rank"] = found.median_rank
        figures[f"{src}_to_{dst}_unanswerable"] = found.unanswerable
    for name in shared:
        known = [v for a, b in pairs if (v := figures[f"{a}_to_{b}_{name}"]) is not None]
        figures[f"mean_{name}"] = statistics.fmean(known) if known else None
    figures["primary_metric"] = figures["mean_map"]
    return figures


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


def score_steps(a: Tensor, b: Tensor) -> Tensor:
    """Cosines of unit rows (A, D) and (B, D) in whole millionths, (A, B) int32: exact ties."""
    return (a @ b.T * SCORE_STEPS).round().to(torch.int32)


def blocks(rows: int, *, width: int) -> Iterator[slice]:
    """Cut `rows` rows of `width` entries into slices that fit in memory."""
    size = max(1, BLOCK_ENTRIES // max(1, width))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def check_same_rows(embeddings: Mapping[str, Tensor], labels: Mapping[str, Labels]) -> None:
    """Raise `ValueError` unless both name the same modalities, with as many rows, of one width."""
    rows = {name: len(vectors) for name, vectors in embeddings.items()}
    labelled = {name: len(known) for name, known in labels.items()}
    if rows != labelled:
        raise ValueError(
            f"got embeddings of {rows} rows and labels of {labelled}; expected the same "
            "modalities and rows; give one label a row"
        )
    widths = {name: vectors.shape[-1] for name, vectors in embeddings.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(
            f"got embeddings of widths {widths}; expected one width; take the aligners of one space"
        )


def _rank_block(queries: Tensor, gallery: Tensor, relevant: Tensor) -> tuple[Tensor, Tensor]:
    """First relevant rank and average precision of each answerable query, (b,) and (b,)."""
    # The lowest bit is 0 for relevant items: it breaks ties against them and, after sorting,
    # tells where they went, so that no index has to be carried along.
    keys = 2 * score_steps(queries, gallery) + (~relevant).to(torch.int32)  # (b, G)
    hits = keys.sort(dim=1, descending=True).values % 2 == 0  # (b, G)
    found = hits.cumsum(dim=1)
    places = torch.arange(1, len(gallery) + 1, device=gallery.device)
    precision = (found / places.to(torch.float64) * hits).sum(dim=1) / hits.sum(dim=1)
    return hits.to(torch.int8).argmax(dim=1) + 1, precision


def _summarise(
    first_ranks: Sequence[int], precisions: Sequence[float], *, ks: Sequence[int], queries: int
) -> Retrieval:
    def mean(values: Sequence[float]) -> float | None:
        return statistics.fmean(values) if values else None

    return Retrieval(
        recall={k: mean([float(rank <= k) for rank in first_ranks]) for k in ks},
        mrr=mean([1 / rank if rank <= MRR_DEPTH else 0.0 for rank in first_ranks]),
        mean_average_precision=mean(precisions),
        median_rank=float(statistics.median(first_ranks)) if first_ranks else None,
        queries=queries,
        unanswerable=queries - len(first_ranks),
    )


def _check_ks(ks: Sequence[int]) -> None:
    wrong = [k for k in ks if not isinstance(k, int) or k < 1]
    if wrong or len(set(ks)) != len(ks):
        raise ValueError(
            f"got ks {list(ks)}; expected different whole numbers from 1; give for example 1, 5, 10"
        )
