"""Lets finished modalities take part in a training, by embeddings made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from spaner_core.contract.modality import Alignment
from spaner_core.data.matches import NONE
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import FeatureRows
from spaner_core.space.space import Space


class SettledAligner(nn.Module):
    """Stands for an aligner that does not train, on rows of `embed_once`."""

    def forward(
        self,
        features: Tensor,
        mask: Tensor,
        anchors: Tensor,
        *,
        beta: Tensor,
        strength: Tensor | float,
    ) -> Alignment:
        """Give what (B, 2, D), direction and pull of each row, come to at a pull strength.

        The weights are those of no anchor, (B, 0): the pull has them in it.
        """
        direction, pull = features.unbind(dim=1)  # (B, D)
        embedding = functional.normalize((1 - strength) * direction + strength * pull, dim=-1)
        return Alignment(embedding, direction, features.new_zeros(len(features), 0))


def embed_once(space: Space, name: str, rows: LabelledRows) -> LabelledRows:
    """Replace the features of a modality's rows with its directions h and pulls w A, (n, 2, D).

    Rows of concepts whose anchors are later than its aligner have none then. Raises `SpaceError`
    as `Space.align` does.
    """
    count = space.records[name].anchor_count
    anchors = space.prompt.anchors[:count]
    parts = [
        torch.stack([given.direction, given.weights @ anchors], dim=1)
        for given in space.align(name, rows.features)
    ]
    values = torch.cat(parts)
    return replace(
        rows,
        features=FeatureRows(values=values, mask=torch.ones(values.shape[:2], dtype=torch.bool)),
        concepts=torch.where(rows.concepts < count, rows.concepts, NONE),
    )


def pulled_rows(rows: LabelledRows, partners: Mapping[str, LabelledRows]) -> LabelledRows:
    """Take the rows that something pulls: they have a concept, or an item that a partner has."""
    shared = torch.cat([rows.items.new_empty(0), *(part.items for part in partners.values())])
    paired = torch.isin(rows.items, shared[shared > NONE])
    return rows.take(torch.nonzero((rows.concepts > NONE) | paired).flatten())
