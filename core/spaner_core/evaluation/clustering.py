"""Measures whether the clusters of a space follow concepts or modalities."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from spaner_core.data.matches import NONE, Labels, check_same_rows
from spaner_core.evaluation.ranking import unit_rows

RESTARTS = 10
"""k-means runs at most this often from other starts; the run of least inertia counts."""

MOST_DISTANCES = 2_000_000
"""Distances of samples to centres, over all restarts, beyond which there are fewer restarts."""


@dataclass(frozen=True, kw_only=True)
class Clustering:
    """How k-means clusters of all modalities' samples agree with concepts and with modalities.

    Both V-measures go from 0 to 1. A shared space has a high one with concepts and a low one with
    modalities; where clusters are modalities it is the other way round. `samples` were clustered,
    into as many clusters as there are `concepts` among them.
    """

    concept_v_measure: float | None
    modality_v_measure: float | None
    samples: int
    concepts: int


def clustering(
    embeddings: Mapping[str, Tensor], labels: Mapping[str, Labels], *, seed: int = 0
) -> Clustering:
    """Cluster the samples of all modalities together; compare with concepts and modalities.

    Shapes: each embedding (n_m, D), its labels of n_m rows. Left out are samples without a concept
    and those of several, which no partition can hold. k-means (scikit-learn, k-means++ starts
    drawn from `seed`, the best of 10, or of fewer, down to one, where samples times concepts
    exceed 200,000) on unit rows in float64, as many clusters as there are concepts among the
    samples. With h = 1 - H(concept | cluster) / H(concept) and
    c = 1 - H(cluster | concept) / H(cluster), entropies over the samples:

        V = 2 h c / (h + c)

    and likewise with the modality in the concept's place. Source: Rosenberg and Hirschberg (2007),
    V-Measure, EMNLP-CoNLL, D07-1043. V is not corrected for chance: with few samples a concept it
    is above 0 for any clusters. None where nothing can be told apart: fewer than two concepts (or
    modalities), or no more samples than concepts. Raises `ValueError` when the modalities, rows or
    widths do not fit or an entry is not finite.
    """
    check_same_rows(embeddings, labels)
    parts, concepts, modalities = [], [], []
    for number, name in enumerate(embeddings):
        rows, known = _single_concepts(labels[name])
        parts.append(unit_rows(embeddings[name])[rows.to(embeddings[name].device)].cpu())
        concepts.append(known.cpu())
        modalities.append(torch.full((len(rows),), number))
    if not parts:
        return Clustering(concept_v_measure=None, modality_v_measure=None, samples=0, concepts=0)
    vectors, concept, modality = torch.cat(parts), torch.cat(concepts), torch.cat(modalities)
    count = len(torch.unique(concept))
    clusters = _k_means(vectors, count, seed=seed) if 2 <= count < len(vectors) else None
    return Clustering(
        concept_v_measure=_v_measure(concept, clusters),
        modality_v_measure=_v_measure(modality, clusters),
        samples=len(vectors),
        concepts=count,
    )


def _single_concepts(labels: Labels) -> tuple[Tensor, Tensor]:
    """First rows and concepts of the samples that have one concept and no more, (s,) each."""
    known = labels.concepts > NONE
    groups, concepts = labels.groups()[known], labels.concepts[known]
    firsts = labels.first_rows()
    lowest = concepts.new_full((len(firsts),), torch.iinfo(concepts.dtype).max)
    lowest.scatter_reduce_(0, groups, concepts, "amin")
    highest = concepts.new_full((len(firsts),), NONE).scatter_reduce_(0, groups, concepts, "amax")
    single = lowest == highest
    return firsts[single], highest[single]


def _k_means(vectors: Tensor, count: int, *, seed: int) -> Tensor:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    restarts = max(1, min(RESTARTS, MOST_DISTANCES // (len(vectors) * count)))
    k_means = KMeans(n_clusters=count, n_init=restarts, random_state=seed)
    with warnings.catch_warnings():
        # fewer distinct rows than clusters: a collapsed space, which the figure itself tells
        warnings.simplefilter("ignore", ConvergenceWarning)
        return torch.from_numpy(k_means.fit_predict(vectors.numpy()))


def _v_measure(classes: Tensor, clusters: Tensor | None) -> float | None:
    from sklearn.metrics import v_measure_score

    if clusters is None or len(torch.unique(classes)) < 2:
        return None
    return float(v_measure_score(classes.numpy(), clusters.numpy()))
