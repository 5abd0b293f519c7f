"""Ridge regression and regularised CCA between two modalities that show the same items."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
    views = [rows.double() for rows in (queries, gallery)]
    centres = [rows.mean(dim=0) for rows in views]
    targets = [
        (rows - centre) / math.sqrt(len(rows)) for rows, centre in zip(views, centres, strict=True)
    ]
    width = min(target.shape[1] for target in targets)
    for shrinkage in SHRINKAGES:
        spreads = [shrunk_covariance(rows, shrinkage=shrinkage) for rows in views]
        (mine, theirs), values = canonical_maps(targets, spreads, width=width)
        for power in POWERS:
            weights = values.clamp_min(0) ** power
            yield PairMaps(
                settings={"shrinkage": shrinkage, "power": power},
                queries=_projection(centres[0], mine * weights),
                gallery=_projection(centres[1], theirs * weights),
            )


def _projection(centre: Tensor, weights: Tensor) -> Map:
    return partial(_affine, weights=weights, offset=-centre @ weights)


def _affine(rows: Tensor, *, weights: Tensor, offset: Tensor) -> Tensor:
    return rows.double() @ weights + offset


CLOSED_FORMS: Mapping[str, Callable[[Tensor, Tensor], Iterator[PairMaps]]] = {
    "ridge": ridge_between,
    "regularised CCA": canonical_between,
}
