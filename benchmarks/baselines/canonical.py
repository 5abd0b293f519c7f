"""Regularised canonical correlation analysis of several views (sum of covariances)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from baselines.reading import read
from baselines.task import Outcome, Settings, Task


def canonical_maps(
    targets: Sequence[Tensor], spreads: Sequence[Tensor], *, width: int
) -> tuple[list[Tensor], Tensor]:
    """Return a map (P, width) a view, and the eigenvalues (width,), largest first.

    The maps' columns are the leading solutions of

        sum over b != a of T_aᵀ T_b w_b = λ S_a w_a        for every view a

    with `targets` T (m, P), rows that belong together across views, and `spreads` S (P, P),
    positive definite. With two views this is canonical correlation analysis (Hotelling 1936), with
    more its generalisation by the sum of correlations (Kettenring 1971).
    """
    whitened, backs = [], []
    for target, spread in zip(targets, spreads, strict=True):
        root = torch.linalg.cholesky(spread)  # S = L Lᵀ
        rows = torch.linalg.solve_triangular(root, target.T, upper=False).T  # T L⁻ᵀ
        left, size, right = torch.linalg.svd(rows, full_matrices=False)
        # no solution leaves the span of these rows, so that the eigenproblem is as small as they
        whitened.append(left * size)
        backs.append(torch.linalg.solve_triangular(root.T, right.T, upper=True))
    joined = torch.cat(whitened, dim=1)
    own = torch.block_diag(*(part.T @ part for part in whitened))  # type: ignore[no-untyped-call]
    values, vectors = torch.linalg.eigh(joined.T @ joined - own)
    values, vectors = values.flip(0)[:width], vectors.flip(1)[:, :width]
    parts = vectors.split([part.shape[1] for part in whitened])
    return [back @ part for back, part in zip(backs, parts, strict=True)], values


def canonical_correlation(task: Task, settings: Settings) -> Outcome:
    """Correlate the class means of the modalities, C - 1 dimensions.

    S is the covariance of the labelled rows, or of all training rows, shrunk towards its mean
    variance; dimensions count by a power of their eigenvalue.
    """
    reading = read(task)
    centres, targets, spreads = {}, [], []
    for name, rows in reading.rows.items():
        known = reading.known(name)
        means = known.means().double()
        centres[name] = means.mean(dim=0)
        targets.append((means - centres[name]) / math.sqrt(task.concept_count))
        spread_rows = rows if settings["spread"] == "all rows" else known
        spreads.append(shrunk_covariance(spread_rows.values, shrinkage=settings["shrinkage"]))
    maps, values = canonical_maps(targets, spreads, width=task.concept_count - 1)
    weights = values.clamp_min(0) ** settings["power"]
    embeddings = {
        name: ((reading.shown[name].double() - centres[name]) @ matrix * weights).float()
        for name, matrix in zip(reading.rows, maps, strict=True)
    }
    return Outcome(embeddings=embeddings, parameters=sum(matrix.numel() for matrix in maps))


def shrunk_covariance(rows: Tensor, *, shrinkage: float, width: int | None = None) -> Tensor:
    """Return the covariance (P, P) of rows (n, P), shrunk towards its mean variance.

    Rows that are coordinates in their own span have this mean over the `width` of what they span.
    """
    centred = rows.double() - rows.double().mean(dim=0)
    covariance = centred.T @ centred / len(centred)
    mean_variance = covariance.trace() / (width or len(covariance))
    return (1 - shrinkage) * covariance + shrinkage * mean_variance * torch.eye(
        len(covariance), dtype=covariance.dtype
    )
