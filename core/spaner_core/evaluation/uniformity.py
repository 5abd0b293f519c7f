"""Measures how close matched rows lie, and how evenly rows spread.

A collapsed space has perfect alignment and the worst uniformity: read the two together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from spaner_core.data.matches import Labels, SamplePositives, check_same_rows, one_a_sample
from spaner_core.evaluation.coherence import matched_cosine
from spaner_core.evaluation.pairs import Linked, compared_pairs, every_pair
from spaner_core.evaluation.ranking import Rows, blocks, unit_rows

SHARPNESS = 2
"""t in exp(-t d²), as in the source."""


def alignment(a: Tensor, b: Tensor, matched: Rows) -> float | None:
    """Mean squared distance of the pairs of rows that belong together, 0 to 4; None without any.

    Shapes: `a` (A, D), `b` (B, D), `matched` (A, B) bool. Formula: the mean of ‖a_i - b_j‖² of
    unit rows over all i, j with matched_ij, which is 2 - 2 · `matched_cosine` (a zero row counts
    as at right angles to every other). Source: Wang and Isola (2020), arXiv 2005.10242, section
    4.1.1 with its exponent at 2. Raises `ValueError` when shapes do not fit or an entry is not
    finite.
    """
    cosine = matched_cosine(a, b, matched)
    return None if cosine is None else 2 - 2 * cosine


def uniformity(vectors: Tensor) -> float | None:
    """How evenly rows spread over the sphere, at most 0, lower is more even; None below two rows.

    Shape: `vectors` (n, D), of one modality or of several together, each sample once. Formula:
    log mean over i ≠ j of exp(-2 ‖x_i - x_j‖²), x of unit length. A space collapsed to a point
    gives 0. Source: Wang and Isola (2020), arXiv 2005.10242, section 4.1.2 with t = 2. Raises
    `ValueError` when `vectors` is no matrix or an entry is not finite.
    """
    unit = unit_rows(vectors)
    rows = len(unit)
    if rows < 2:
        return None
    squares = unit.square().sum(dim=1)  # 1, or 0 for a zero row
    total = 0.0
    for block in blocks(rows, width=rows):
        distances = squares[block].unsqueeze(1) + squares - 2 * unit[block] @ unit.T  # (b, n)
        potentials = torch.exp(-SHARPNESS * distances.clamp_min(0))
        own = torch.arange(block.start, block.stop, device=unit.device)
        potentials[own - block.start, own] = 0
        total += float(potentials.sum())
    return math.log(total / (rows * (rows - 1)))


def alignment_and_uniformity(
    embeddings: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    *,
    linked: Linked = every_pair,
) -> dict[str, float | None]:
    """Measure the alignment of every pair and the uniformity of every modality, as one flat dict.

    Shapes: each embedding (n_m, D), its labels of n_m rows; rows of one sample count once. Keys:
    `{a}_to_{b}_alignment`, once a pair since it is symmetric, `a` before `b` in alphabetical
    order, None where neither is `linked` to the other; `{a}_uniformity`. Raises `ValueError` when
    the modalities, rows or widths do not fit.
    """
    check_same_rows(embeddings, labels)
    samples = {name: one_a_sample(part, labels[name]) for name, part in embeddings.items()}
    figures: dict[str, float | None] = {
        f"{a}_to_{b}_alignment": None for a, b in compared_pairs(samples, every_pair)
    }
    for a, b in compared_pairs(samples, linked):
        matched = SamplePositives(labels[a], labels[b])
        figures[f"{a}_to_{b}_alignment"] = alignment(samples[a], samples[b], matched)
    return figures | {f"{name}_uniformity": uniformity(part) for name, part in samples.items()}
