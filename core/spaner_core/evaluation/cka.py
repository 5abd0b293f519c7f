"""Measures linear CKA: how alike two views arrange the same rows."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from spaner_core.data.matches import Labels, check_same_rows, one_a_sample
from spaner_core.evaluation.ranking import blocks

LEAST_SPREAD = 1e-6
"""Spread of a view's rows, relative to their length, up to which it is float32 noise."""


def linear_cka(a: Tensor, b: Tensor) -> float | None:
    """Likeness of two views of the same rows, 0 to 1; None where a view is constant or n < 3.

    Shapes: `a` (n, D), `b` (n, F), row i of both the same sample, lengths taken as they are.
    Formula, with the columns of both centred:

        ‖AᵀB‖² / (‖AᵀA‖ · ‖BᵀB‖)          (Frobenius norms)

    which is 1 when one view is a rotated and scaled copy of the other. From two rows it would be
    1 whatever the views. Source: Kornblith et al. (2019), arXiv 1905.00414, section 3. Where a
    view is wider than n, as tokens side by side are, the same figure is taken from the (n, n)
    products AAᵀ and BBᵀ, a block of rows at a time; else memory is that of the (D, F), (D, D) and
    (F, F) products, whatever n. With n not far above D and F even unrelated views look alike:
    compare figures of equal n and widths only. Raises `ValueError` when the rows differ in number,
    a view is no matrix, or an entry is not finite.
    """
    a, b = _checked(a), _checked(b)
    if len(a) != len(b):
        raise ValueError(
            f"got {len(a)} and {len(b)} rows; expected the same rows in both; "
            "give two views of the same samples"
        )
    if len(a) < 3 or _is_constant(a) or _is_constant(b):
        return None
    wide = max(a.shape[1], b.shape[1]) > len(a)
    across, own_a, own_b = _by_rows(a, b) if wide else _by_columns(a, b)
    return across / math.sqrt(own_a * own_b)


def cka_by_modality(
    embeddings: Mapping[str, Tensor],
    references: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
) -> dict[str, float | None]:
    """Compare every modality's embedding with what its frozen encoder says of the same rows.

    Shapes: each embedding (n_m, D), each reference (n_m, F_m), labels of n_m rows; rows of one
    sample count once. Keys: `{name}_linear_cka` of each modality that has a reference. Raises
    `ValueError` when the modalities or rows do not fit, or as `linear_cka`.
    """
    check_same_rows(embeddings, labels)
    figures = {}
    for name, reference in references.items():
        check_same_rows({name: reference}, {name: labels[name]})
        own = one_a_sample(embeddings[name], labels[name])
        figures[f"{name}_linear_cka"] = linear_cka(own, one_a_sample(reference, labels[name]))
    return figures


def _by_columns(a: Tensor, b: Tensor) -> tuple[float, float, float]:
    """‖AᵀB‖², ‖AᵀA‖² and ‖BᵀB‖² of the centred views, from products as wide as they are."""
    pairs = ((a, b), (a, a), (b, b))
    across, own_a, own_b = (float(_centred_product(*pair).square().sum()) for pair in pairs)
    return across, own_a, own_b


def _centred_product(a: Tensor, b: Tensor) -> Tensor:
    """AᵀB of views (n, D) and (n, F) with centred columns, (D, F) float64."""
    mean_a, mean_b = _column_means(a), _column_means(b)
    product = mean_a.new_zeros(a.shape[1], b.shape[1])
    for block in blocks(len(a), width=a.shape[1] + b.shape[1]):
        product += (a[block] - mean_a).T @ (b[block] - mean_b)
    return product


def _by_rows(a: Tensor, b: Tensor) -> tuple[float, float, float]:
    """Do as `_by_columns` from products of rows: ‖AᵀB‖² is the sum over AAᵀ ∘ BBᵀ."""
    a, b = a - _column_means(a), b - _column_means(b)
    across = own_a = own_b = 0.0
    for block in blocks(len(a), width=len(a)):
        products_a, products_b = a[block] @ a.T, b[block] @ b.T  # (b, n) float64
        across += float((products_a * products_b).sum())
        own_a += float(products_a.square().sum())
        own_b += float(products_b.square().sum())
    return across, own_a, own_b


def _is_constant(view: Tensor) -> bool:
    """Whether rows differ by noise alone."""
    mean = _column_means(view)
    spread = 0.0  # Σ_i ‖a_i - mean‖²
    for block in blocks(len(view), width=view.shape[1]):
        spread += float((view[block] - mean).square().sum())
    length = spread + len(view) * float(mean.square().sum())  # Σ_i ‖a_i‖²
    return spread <= LEAST_SPREAD**2 * length


def _column_means(view: Tensor) -> Tensor:
    return view.mean(dim=0, dtype=torch.float64)


def _checked(view: Tensor) -> Tensor:
    broken = int((~view.isfinite()).sum())
    if view.ndim != 2 or broken:
        raise ValueError(
            f"got a view of shape {tuple(view.shape)} with {broken} entries of NaN or infinity; "
            "expected (rows, width) of finite numbers; look for features that overflowed"
        )
    return view.detach()
