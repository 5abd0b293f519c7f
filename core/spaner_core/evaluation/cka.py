"""Linear CKA: how alike two views arrange the same rows, whatever their axes."""

from __future__ import annotations

import torch
from torch import Tensor

from spaner_core.evaluation.retrieval import blocks

LEAST_SPREAD = 1e-6
"""Spread of a view's rows, relative to their length, up to which it is float32 noise."""


def linear_cka(a: Tensor, b: Tensor) -> float | None:
    """Likeness of two views of the same rows, 0 to 1; None where a view is constant or n < 3.

    Shapes: `a` (n, D), `b` (n, F), row i of both the same sample, lengths taken as they are.
    Formula, with the columns of both centred:

        ‖AᵀB‖² / (‖AᵀA‖ · ‖BᵀB‖)          (Frobenius norms)

    which is 1 when one view is a rotated and scaled copy of the other. From two rows it would be
    1 whatever the views. Source: Kornblith et al. (2019), arXiv 1905.00414, section 3. Memory is
    that of the (D, F), (D, D) and (F, F) products, whatever n. With n not far above D and F even
    unrelated views look alike: compare figures of equal n and widths only. Raises `ValueError`
    when the rows differ in number, a view is no matrix, or an entry is not finite.
    """
    a, b = _checked(a), _checked(b)
    if len(a) != len(b):
        raise ValueError(
            f"got {len(a)} and {len(b)} rows; expected the same rows in both; "
            "give two views of the same samples"
        )
    if len(a) < 3:
        return None
    own = [_centred_product(view, view) for view in (a, b)]
    if any(_is_constant(view, product) for view, product in zip((a, b), own, strict=True)):
        return None
    return float(_centred_product(a, b).norm() ** 2 / (own[0].norm() * own[1].norm()))


def _centred_product(a: Tensor, b: Tensor) -> Tensor:
    """AᵀB of views (n, D) and (n, F) with centred columns, (D, F) float64."""
    mean_a, mean_b = _column_means(a), _column_means(b)
    product = mean_a.new_zeros(a.shape[1], b.shape[1])
    for block in blocks(len(a), width=a.shape[1] + b.shape[1]):
        product += (a[block] - mean_a).T @ (b[block] - mean_b)
    return product


def _is_constant(view: Tensor, product: Tensor) -> bool:
    """Whether rows differ by noise alone; `product` (D, D) is the view's own centred one."""
    spread = product.trace()  # Σ_i ‖a_i - mean‖²
    length = spread + len(view) * _column_means(view).square().sum()  # Σ_i ‖a_i‖²
    return bool(spread <= LEAST_SPREAD**2 * length)


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
