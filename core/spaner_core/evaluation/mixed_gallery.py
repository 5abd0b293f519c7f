"""Measures retrieval from one gallery of all modalities."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spaner_core.data.matches import Labels, SamplePositives, check_same_rows, one_a_sample
from spaner_core.evaluation.pairs import Linked, every_pair
from spaner_core.evaluation.ranking import (
    SCORE_STEPS,
    blocks,
    check_ks,
    cut,
    relevant_ranks,
    score_steps,
    unit_rows,
)


@dataclass(frozen=True, kw_only=True)
class MixedRetrieval:
    """What the queries of one modality found among the samples of all modalities together.

    `recall` and `mean_average_precision` are those of `retrieval`. For each modality, `relevant` is
    its share of the rows that are relevant to a query and `places` its share of the first k
    places, both the mean over queries. `queries` counts all, `unanswerable` those without any
    relevant sample, which every other figure leaves out; figures are None where none is left.
    """

    recall: dict[int, float | None]
    mean_average_precision: float | None
    relevant: dict[str, float | None]
    places: dict[str, dict[int, float | None]]
    queries: int
    unanswerable: int

    def averaged(self) -> dict[str, float | None]:
        """Return the figures whose means over sources say something too, under their names."""
        recall = {f"recall@{k}": share for k, share in self.recall.items()}
        return {**recall, "map": self.mean_average_precision}


def mixed_retrieval(
    embeddings: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    *,
    source: str,
    ks: Sequence[int] = (1, 5, 10),
) -> MixedRetrieval:
    """Let every sample of `source` search all samples of all modalities but itself.

    Shapes: each embedding (n_m, D), its labels of n_m rows; rows of one sample count once, with
    the concepts of all of them. Relevance is `data.matches.positives`. Formulas: recall@k
    (a hit rate) and mAP as in `retrieval`, ties ranked against relevant samples; and with R_q the
    samples relevant to query q, T_q(k) its first k places (ties shared, as by `first_places`):

        relevant_m = mean_q |R_q ∩ m| / |R_q|          places_m(k) = mean_q |T_q(k) ∩ m| / k

    A modality whose places exceed its relevant share stands in the others' way. Where k is less
    than |R_q| a faultless ranking too may fill its places from one modality, and does when
    modalities lie apart. Where fewer than k samples remain, all of them are the first k. Raises
    `ValueError` when `source` is unknown, the modalities, rows or widths do not fit, an entry is
    not finite, or ks are not different whole numbers from 1.
    """
    check_same_rows(embeddings, labels)
    check_ks(ks)
    if source not in embeddings:
        raise ValueError(
            f"got {source!r} as the source; expected one of {', '.join(embeddings) or 'none'}; "
            "give embeddings and labels of it too"
        )
    firsts: list[int] = []
    precisions: list[float] = []
    relevant = dict.fromkeys(embeddings, 0.0)
    places = {name: dict.fromkeys(ks, 0.0) for name in embeddings}
    for steps, marks, sizes in _answerable_blocks(embeddings, labels, source):
        ranks = relevant_ranks(steps, marks)
        firsts += ranks.first.tolist()
        precisions += ranks.precision.tolist()
        for name, count in _counts(marks, sizes).items():
            relevant[name] += float((count.double() / marks.sum(dim=1)).sum())
        for k in ks:
            for name, share in _place_shares(steps, sizes, k=k).items():
                places[name][k] += float(share.sum())
    return _summarise(
        firsts, precisions, relevant, places, queries=len(labels[source].first_rows())
    )


def mixed_retrieval_by_modality(
    embeddings: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    *,
    ks: Sequence[int] = (1, 5, 10),
    linked: Linked = every_pair,
) -> dict[str, float | None]:
    """Measure `mixed_retrieval` for every modality as source, as one flat dict.

    Shapes and errors as there. Keys: `{src}_among_all_` with `recall@{k}`, `map`, `unanswerable`,
    and for each modality `{name}_relevant` and `{name}_places@{k}`; `mean_among_all_` with
    `recall@{k}` and `map`, the plain mean over sources that have an answerable query. A source
    that is not `linked` to all other modalities has None figures.
    """
    figures: dict[str, float | None] = {}
    nothing = _summarise(
        [],
        [],
        dict.fromkeys(embeddings, 0.0),
        {name: dict.fromkeys(ks, 0.0) for name in ("", *embeddings)},
        queries=0,
    )
    known: dict[str, list[float]] = {name: [] for name in nothing.averaged()}
    for source in embeddings:
        found = nothing
        if all(linked(source, name) for name in embeddings if name != source):
            found = mixed_retrieval(embeddings, labels, source=source, ks=ks)
        prefix = f"{source}_among_all"
        for name, value in found.averaged().items():
            figures[f"{prefix}_{name}"] = value
            known[name] += [] if value is None else [value]
        figures[f"{prefix}_unanswerable"] = found.unanswerable
        for name in embeddings:
            figures[f"{prefix}_{name}_relevant"] = found.relevant[name]
            figures |= {f"{prefix}_{name}_places@{k}": found.places[name][k] for k in ks}
    for name, values in known.items():
        figures[f"mean_among_all_{name}"] = statistics.fmean(values) if values else None
    return figures


def _answerable_blocks(
    embeddings: Mapping[str, Tensor], labels: Mapping[str, Labels], source: str
) -> Iterator[tuple[Tensor, Tensor, dict[str, int]]]:
    """Scores and marks (b, G) of queries with a relevant sample, and columns by modality.

    The query itself stands in its row with a score below every other.
    """
    vectors = {
        name: unit_rows(one_a_sample(part, labels[name])) for name, part in embeddings.items()
    }
    positives = {name: SamplePositives(labels[source], labels[name]) for name in embeddings}
    gallery = torch.cat(list(vectors.values()))
    sizes = {name: len(part) for name, part in vectors.items()}
    names = list(vectors)
    offset = sum(sizes[name] for name in names[: names.index(source)])
    for block in blocks(sizes[source], width=len(gallery)):
        steps = score_steps(vectors[source][block], gallery)
        marks = torch.cat([positives[name][block].to(gallery.device) for name in names], dim=1)
        own = torch.arange(block.start, block.stop, device=gallery.device)
        steps[own - block.start, offset + own] = -SCORE_STEPS - 1
        marks[own - block.start, offset + own] = False
        answerable = marks.any(dim=1)
        if answerable.any():
            yield steps[answerable], marks[answerable], sizes


def _place_shares(steps: Tensor, sizes: Mapping[str, int], *, k: int) -> dict[str, Tensor]:
    """Share of each query's first k places that each modality has, (b,) each."""
    k = min(k, steps.shape[1] - 1)  # the query itself, which stands last, is no hit
    nearer, tied, part = cut(steps, k=k)
    ties = _counts(tied, sizes)
    return {
        name: (count + ties[name] * part.squeeze(1)) / k
        for name, count in _counts(nearer, sizes).items()
    }


def _counts(chosen: Tensor, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """How many of the chosen rows (b, G) each modality has, (b,) each."""
    parts = torch.split(chosen, list(sizes.values()), dim=1)
    return {name: part.sum(dim=1) for name, part in zip(sizes, parts, strict=True)}


def _summarise(
    firsts: Sequence[int],
    precisions: Sequence[float],
    relevant: Mapping[str, float],
    places: Mapping[str, Mapping[int, float]],
    *,
    queries: int,
) -> MixedRetrieval:
    def mean(total: float) -> float | None:
        return total / len(firsts) if firsts else None

    ks = next(iter(places.values()))
    return MixedRetrieval(
        recall={k: mean(sum(first <= k for first in firsts)) for k in ks},
        mean_average_precision=mean(sum(precisions)),
        relevant={name: mean(total) for name, total in relevant.items()},
        places={n: {k: mean(total) for k, total in by_k.items()} for n, by_k in places.items()},
        queries=queries,
        unanswerable=queries - len(firsts),
    )
