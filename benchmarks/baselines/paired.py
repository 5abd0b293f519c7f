"""Ridge regression and regularised CCA between two modalities that show the same items."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from sklearn.linear_model import Ridge
from spaner_core.data.matches import NONE
from torch import Tensor

from baselines.canonical import canonical_maps, shrunk_covariance
from baselines.task import Settings

PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)
SHRINKAGES = (0.03, 0.1, 0.3, 0.6, 0.9)
POWERS = (0, 1, 4)

Map = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class PairMaps:
    """Maps of queries (n, P) and of a gallery (n, Q) to vectors that are compared by cosine."""

    settings: Settings
    queries: Map
    gallery: Map

    def turned(self) -> PairMaps:
        """Ask the other way round."""
        return replace(self, queries=self.gallery, gallery=self.queries)


Tried = Sequence[PairMaps]
"""Maps of one method with one setting each."""


def paired_rows(items: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Return the places (m,) and (m,) of rows that show the same item, every such pair once."""
    same = (items.unsqueeze(1) == others) & (items > NONE).unsqueeze(1)
    mine, theirs = same.nonzero().unbind(dim=1)
    return mine, theirs


def ridge_between(queries: Tensor, gallery: Tensor) -> Iterator[PairMaps]:
    """Regress the gallery's vectors (m, Q) on their partners (m, P), for each penalty."""
    for penalty in PENALTIES:
        model = Ridge(alpha=penalty).fit(queries.double().numpy(), gallery.double().numpy())
        weights, offset = torch.from_numpy(model.coef_), torch.from_numpy(model.intercept_)
        yield PairMaps(
            settings={"penalty": penalty},
            queries=partial(_affine, weights=weights.T, offset=offset),
            gallery=Tensor.double,
        )


def canonical_between(queries: Tensor, gallery: Tensor) -> Iterator[PairMaps]:
    """Correlate partners (m, P) and (m, Q), for each shrinkage of the covariances and power.

    Dimensions count by a power of their correlation.
    """
    widths = queries.shape[1], gallery.shape[1]
    views = [rows.double() for rows in (queries, gallery)]
    centres = [rows.mean(dim=0) for rows in views]
    # shrinking towards a multiple of the identity, no solution leaves the span of the rows
    spans = [_span(rows - centre) for rows, centre in zip(views, centres, strict=True)]
    inside = [
        (rows - centre) @ span for rows, centre, span in zip(views, centres, spans, strict=True)
    ]
    targets = [rows / math.sqrt(len(rows)) for rows in inside]
    most = min(target.shape[1] for target in targets)
    for shrinkage in SHRINKAGES:
        spreads = [
            shrunk_covariance(rows, shrinkage=shrinkage, width=width)
            for rows, width in zip(inside, widths, strict=True)
        ]
        (mine, theirs), values = canonical_maps(targets, spreads, width=most)
        for power in POWERS:
            weights = values.clamp_min(0) ** power
            yield PairMaps(
                settings={"shrinkage": shrinkage, "power": power},
                queries=_projection(centres[0], spans[0] @ (mine * weights)),
                gallery=_projection(centres[1], spans[1] @ (theirs * weights)),
            )


def _span(rows: Tensor) -> Tensor:
    """Return an orthonormal basis (P, r) of the span of rows (m, P)."""
    _, sizes, right = torch.linalg.svd(rows, full_matrices=False)
    basis: Tensor = right[sizes > sizes[0] * len(rows) * torch.finfo(rows.dtype).eps]
    return basis.T


def _projection(centre: Tensor, weights: Tensor) -> Map:
    return partial(_affine, weights=weights, offset=-centre @ weights)


def _affine(rows: Tensor, *, weights: Tensor, offset: Tensor) -> Tensor:
    return rows.double() @ weights + offset


def both_by_ridge(first: Tensor, second: Tensor) -> tuple[Tried, Tried]:
    """Regress partners (m, P) and (m, Q) on each other."""
    return [*ridge_between(first, second)], [*ridge_between(second, first)]


def both_by_canonical(first: Tensor, second: Tensor) -> tuple[Tried, Tried]:
    """Correlate partners (m, P) and (m, Q): the same maps serve both ways."""
    tried = [*canonical_between(first, second)]
    return tried, [maps.turned() for maps in tried]


CLOSED_FORMS: Mapping[str, Callable[[Tensor, Tensor], tuple[Tried, Tried]]] = {
    "ridge": both_by_ridge,
    "regularised CCA": both_by_canonical,
}
"""Methods by name: what they try for queries of the first modality, and for those of the second."""
