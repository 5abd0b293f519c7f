"""Measures retrieval across modalities: recall@k, mrr@10, mAP, median rank.

Scores are cosines in float64, compared to six decimals: what differs by less is float32 noise.
Among equal scores the relevant items rank *last*. So no figure depends on the gallery's order,
and an embedding that tells nothing apart cannot look good: a constant one scores recall 0.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from spaner_core.data.matches import NONE, Labels, SamplePositives, check_same_rows, one_a_sample
from spaner_core.evaluation.pairs import Linked, every_pair, ordered_pairs
from spaner_core.evaluation.ranking import (
    Rows,
    check_ks,
    relevant_ranks,
    scored_blocks,
)

MRR_DEPTH = 10


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

    def averaged(self) -> dict[str, float | None]:
        """Return the figures whose means over pairs say something too, under their names."""
        return {
            **{f"recall@{k}": share for k, share in self.recall.items()},
            f"mrr@{MRR_DEPTH}": self.mrr,
            "map": self.mean_average_precision,
        }

    def named(self) -> dict[str, float | None]:
        """Return every figure that is reported of a pair, under its name."""
        alone = {"median_rank": self.median_rank, "unanswerable": self.unanswerable}
        return self.averaged() | alone


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
    check_ks(ks)
    first_ranks: list[int] = []
    precisions: list[float] = []
    for steps, marks in scored_blocks(queries, gallery, relevant):
        answerable = marks.any(dim=1)
        if answerable.any():
            ranks = relevant_ranks(steps[answerable], marks[answerable])
            first_ranks += ranks.first.tolist()
            precisions += ranks.precision.tolist()
    return _summarise(first_ranks, precisions, ks=ks, queries=len(queries))


def retrieval_by_pair(
    embeddings: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    *,
    ks: Sequence[int] = (1, 5, 10),
    linked: Linked = every_pair,
) -> dict[str, float | None]:
    """Measure retrieval for every ordered pair of modalities, as one flat dict.

    Shapes: each embedding (n_m, D), its labels of n_m rows; rows of one sample count once, with
    the concepts of all of them. Keys: `{src}_to_{dst}_` with `recall@{k}`, `mrr@10`, `map`,
    `median_rank` and `unanswerable`, as `retrieval` defines them with
    `data.matches.positives` as relevance; `mean_` with `recall@{k}`, `mrr@10` and `map`,
    the plain mean over ordered pairs; and `primary_metric`, which is `mean_map`. A pair that has
    no answerable query, or is not `linked`, has None figures and is left out of the means. Raises
    `ValueError` when the modalities, rows or widths do not fit.
    """
    check_same_rows(embeddings, labels)
    figures = _by_pair(embeddings, labels, ks=ks, linked=linked)
    figures["primary_metric"] = figures["mean_map"]
    return figures


def retrieval_by_item(
    embeddings: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    *,
    ks: Sequence[int] = (1, 5, 10),
    linked: Linked = every_pair,
) -> dict[str, float | None]:
    """Measure as `retrieval_by_pair`, but with the same *item* alone as relevance.

    A concept brings together what is alike, an item what is one and the same thing. Modalities of
    which no row has an item take no part, and with fewer than two others there are no figures; a
    query without an item counts as unanswerable. Keys: `{src}_to_{dst}_item_` and `mean_item_`
    before the names given there; errors as there.
    """
    check_same_rows(embeddings, labels)
    having = [name for name in embeddings if (labels[name].items > NONE).any()]
    if len(having) < 2:
        return {}
    by_item = {name: labels[name].by_item() for name in having}
    chosen = {name: embeddings[name] for name in having}
    return _by_pair(chosen, by_item, ks=ks, linked=linked, by="item_")


def _by_pair(
    embeddings: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    *,
    ks: Sequence[int],
    linked: Linked,
    by: str = "",
) -> dict[str, float | None]:
    pairs, nothing = ordered_pairs(embeddings, every_pair), _summarise([], [], ks=ks, queries=0)
    figures: dict[str, float | None] = {
        f"{src}_to_{dst}_{by}{name}": None for src, dst in pairs for name in nothing.named()
    }
    samples = {name: one_a_sample(part, labels[name]) for name, part in embeddings.items()}
    for src, dst in ordered_pairs(embeddings, linked):
        relevant = SamplePositives(labels[src], labels[dst])
        found = retrieval(samples[src], samples[dst], relevant, ks=ks)
        figures |= {f"{src}_to_{dst}_{by}{name}": v for name, v in found.named().items()}
    for name in nothing.averaged():
        known = [v for a, b in pairs if (v := figures[f"{a}_to_{b}_{by}{name}"]) is not None]
        figures[f"mean_{by}{name}"] = statistics.fmean(known) if known else None
    return figures


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
