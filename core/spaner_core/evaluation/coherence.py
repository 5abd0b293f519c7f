"""Measures whether matched rows meet, the modality gap, and kept neighbourhoods.

All figures are on unit vectors, in float64, and None where there is nothing to measure.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from spaner_core.data.matches import Labels, SamplePositives, check_same_rows, one_a_sample
from spaner_core.evaluation.pairs import Linked, compared_pairs, every_pair
from spaner_core.evaluation.ranking import (
    Rows,
    blocks,
    check_k,
    first_places,
    score_steps,
    unit_pair,
    unit_rows,
)


def matched_cosine(a: Tensor, b: Tensor, matched: Rows) -> float | None:
    """Mean cosine over the pairs of rows that belong together; None without any such pair.

    Shapes: `a` (A, D), `b` (B, D), `matched` (A, B) bool. Formula: the mean of
    a_i·b_j / (‖a_i‖‖b_j‖) over all i, j with matched_ij, each pair counted once. Source: the mean
    cosine similarity of matched pairs, one of the evaluations of SPANER (arXiv 2508.13387).
    Raises `ValueError` when shapes do not fit or an entry is not finite.
    """
    return _mean_cosines(a, b, matched)[0]


def unmatched_cosine(a: Tensor, b: Tensor, matched: Rows) -> float | None:
    """Mean cosine over the pairs of rows that do not belong together; None without any.

    Shapes, source and errors as in `matched_cosine`; the mean is over all i, j without
    matched_ij. The distance between the two figures is what retrieval lives on.
    """
    return _mean_cosines(a, b, matched)[1]


def modality_gap(a: Tensor, b: Tensor) -> float | None:
    """Distance between the centroids of two modalities, 0 to 2; None when one has no rows.

    Shapes: `a` (A, D), `b` (B, D). Formula: ‖mean_i a_i/‖a_i‖ - mean_j b_j/‖b_j‖‖. Source: Liang
    et al., Mind the Gap (2022), arXiv 2203.02053, section 2. It also grows when the modalities
    hold different concepts: compare it only between spaces of the same data. Raises `ValueError`
    when the widths differ or an entry is not finite.
    """
    a, b = unit_pair(a, b)
    if not len(a) or not len(b):
        return None
    return float((a.mean(dim=0) - b.mean(dim=0)).norm())


def knn_agreement(embedding: Tensor, reference: Tensor, *, k: int = 10) -> float | None:
    """Mean share of the k nearest neighbours that two views of the same rows have in common.

    Shapes: `embedding` (n, D), `reference` (n, F), row i of both the same sample. Formula:
    mean_i |N(i) ∩ N'(i)| / k, with N(i) the k rows of highest cosine with row i, itself left
    out. Source: the mutual nearest-neighbour metric of Huh et al. (2024), arXiv 2405.07987.

    Where several rows tie for the last places each belongs to N(i) in part, so that the figure is
    the expected one under random choice: a constant embedding scores chance, k / (n - 1). With
    n <= k + 1 every other row is a neighbour in any space, the figure would be 1 whatever the
    embedding, and None is returned. Raises `ValueError` when the rows differ in number, k < 1,
    or an entry is not finite.
    """
    check_k(k)
    if len(embedding) != len(reference):
        raise ValueError(
            f"got {len(embedding)} and {len(reference)} rows; expected the same rows in both; "
            "give two views of the same samples"
        )
    embedding, reference = unit_rows(embedding), unit_rows(reference)
    rows = len(embedding)
    if rows <= k + 1:
        return None
    common = 0.0
    for block in blocks(rows, width=rows):
        mine = _neighbours(embedding, block, k=k)  # (b, n)
        theirs = _neighbours(reference, block, k=k).to(mine.device)
        common += float((mine * theirs).sum())
    return common / (rows * k)


def coherence_by_pair(
    embeddings: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    *,
    references: Mapping[str, Tensor] | None = None,
    k: int = 10,
    linked: Linked = every_pair,
) -> dict[str, float | None]:
    """Measure the coherence of every pair of modalities, as one flat dict.

    Shapes: each embedding (n_m, D), its labels of n_m rows, each reference (n_m, F_m): what the
    modality's frozen encoder says of the same rows. Rows of one sample count once. Keys:
    `{a}_to_{b}_` with `matched_cosine`, `unmatched_cosine` and `modality_gap`, once a pair since
    all three are symmetric, `a` before `b` in alphabetical order, None where neither is `linked`
    to the other; and `{a}_knn_agreement` of each
    modality that has a reference. Formulas: the functions of those names. Raises `ValueError`
    when the modalities, rows or widths do not fit.
    """
    check_same_rows(embeddings, labels)
    references = references or {}
    unknown = sorted(references.keys() - embeddings.keys())
    if unknown:
        raise ValueError(
            f"got references for {', '.join(unknown)}; expected only modalities that have "
            "embeddings; leave out the others"
        )
    figures: dict[str, float | None] = {}
    samples = {name: one_a_sample(part, labels[name]) for name, part in embeddings.items()}
    for a, b in compared_pairs(embeddings, every_pair):
        names = ("matched_cosine", "unmatched_cosine", "modality_gap")
        figures |= dict.fromkeys(f"{a}_to_{b}_{name}" for name in names)
    for a, b in compared_pairs(embeddings, linked):
        first, second = samples[a], samples[b]
        matched, unmatched = _mean_cosines(first, second, SamplePositives(labels[a], labels[b]))
        figures[f"{a}_to_{b}_matched_cosine"] = matched
        figures[f"{a}_to_{b}_unmatched_cosine"] = unmatched
        figures[f"{a}_to_{b}_modality_gap"] = modality_gap(first, second)
    for name in sorted(references):
        check_same_rows({name: references[name]}, {name: labels[name]})
        reference = one_a_sample(references[name], labels[name])
        figures[f"{name}_knn_agreement"] = knn_agreement(samples[name], reference, k=k)
    return figures


def _mean_cosines(a: Tensor, b: Tensor, matched: Rows) -> tuple[float | None, float | None]:
    """Mean cosine over matched and over unmatched pairs, in one pass."""
    a, b = unit_pair(a, b)
    if tuple(matched.shape) != (len(a), len(b)):
        raise ValueError(
            f"got a mask {tuple(matched.shape)} for {len(a)} and {len(b)} rows; expected "
            f"({len(a)}, {len(b)}); give one row of the mask for each row of the first"
        )
    sums, counts = [0.0, 0.0], [0, 0]
    for block in blocks(len(a), width=len(b)):
        marks = matched[block].to(b.device)
        cosines = a[block] @ b.T
        for place, chosen in enumerate((marks, ~marks)):
            sums[place] += float(cosines[chosen].sum())
            counts[place] += int(chosen.sum())
    means = [total / count if count else None for total, count in zip(sums, counts, strict=True)]
    return means[0], means[1]


def _neighbours(vectors: Tensor, block: slice, *, k: int) -> Tensor:
    """How far each row is among the k nearest of the rows in `block`, (b, n), rows sum to k."""
    steps = score_steps(vectors[block], vectors)
    own = torch.arange(block.start, block.stop, device=steps.device)
    steps[own - block.start, own] = torch.iinfo(steps.dtype).min
    return first_places(steps, k=k)
