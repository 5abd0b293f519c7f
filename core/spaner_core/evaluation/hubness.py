"""Measures hubness: gallery rows that turn up for every query, or never."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from spaner_core.data.matches import Labels, check_same_rows, one_a_sample
from spaner_core.evaluation.pairs import Linked, every_pair, ordered_pairs
from spaner_core.evaluation.ranking import blocks, check_k, first_places, score_steps, unit_pair


@dataclass(frozen=True, kw_only=True)
class Hubness:
    """How unevenly queries find the rows of a gallery.

    `skewness` of the counts N_k is about 0 where finds are spread evenly or by chance, and grows
    with hubs; None where all counts are alike. `never_found` is the share of the gallery that no
    query has among its first k (anti-hubs), 0 to 1.
    """

    skewness: float | None
    never_found: float | None


def k_occurrence(queries: Tensor, gallery: Tensor, *, k: int = 10) -> Tensor:
    """Count for each gallery row the queries that have it among their first k, (G,) float64.

    Shapes: `queries` (Q, D), `gallery` (G, D), one row a sample; a sample of both is its own first
    hit. Formula: N_k(g) = Σ_q [g is among the k rows of highest cosine with q]; rows that tie for
    the last places share them (`first_places`), so that the counts sum to Q · min(k, G). Source:
    Radovanović, Nanopoulos and Ivanović, Hubs in Space (2010), JMLR 11, section 2. Raises
    `ValueError` when widths differ, an entry is not finite, or k < 1.
    """
    check_k(k)
    queries, gallery = unit_pair(queries, gallery)
    counts = gallery.new_zeros(len(gallery))
    for block in blocks(len(queries), width=len(gallery)):
        counts += first_places(score_steps(queries[block], gallery), k=k).sum(dim=0)
    return counts


def hubness(queries: Tensor, gallery: Tensor, *, k: int = 10) -> Hubness:
    """Measure how unevenly `queries` find the rows of `gallery` among their first k.

    Shapes, source and errors as in `k_occurrence`. Formulas, over the rows g of the gallery:

        skewness    = mean_g (N_k(g) - μ)³ / σ³          (μ, σ: mean and deviation of N_k)
        never found = mean_g [N_k(g) = 0]

    With k >= G every row is found whatever the vectors, and without queries none is: both figures
    are None then. Compare figures of equal k and like sizes of queries and gallery only.
    """
    counts = k_occurrence(queries, gallery, k=k)
    if len(gallery) <= k or not len(queries):
        return Hubness(skewness=None, never_found=None)
    return Hubness(skewness=_skewness(counts), never_found=float((counts == 0).double().mean()))


def hubness_by_pair(
    embeddings: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    *,
    k: int = 10,
    linked: Linked = every_pair,
) -> dict[str, float | None]:
    """Measure `hubness` for every ordered pair of modalities, as one flat dict.

    Shapes: each embedding (n_m, D), its labels of n_m rows; rows of one sample count once. Keys:
    `{src}_to_{dst}_` with `hub_skewness@{k}` and `never_found@{k}`, None where the pair is not
    `linked`. Raises `ValueError` when the modalities, rows or widths do not fit, or as `hubness`.
    """
    check_same_rows(embeddings, labels)
    figures: dict[str, float | None] = {}
    samples = {name: one_a_sample(part, labels[name]) for name, part in embeddings.items()}
    for src, dst in ordered_pairs(samples, every_pair):
        figures[f"{src}_to_{dst}_hub_skewness@{k}"] = None
        figures[f"{src}_to_{dst}_never_found@{k}"] = None
    for src, dst in ordered_pairs(samples, linked):
        found = hubness(samples[src], samples[dst], k=k)
        figures[f"{src}_to_{dst}_hub_skewness@{k}"] = found.skewness
        figures[f"{src}_to_{dst}_never_found@{k}"] = found.never_found
    return figures


def _skewness(counts: Tensor) -> float | None:
    mean = counts.mean()
    deviations = counts - mean
    spread = deviations.square().mean().sqrt()
    if spread <= 1e-9 * mean:  # alike but for the rounding of shared places
        return None
    return float(torch.mean((deviations / spread) ** 3))
