"""Fits the maps of items that modalities share, after training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch.nn import functional

from spaner_core.data.matches import NONE
from spaner_core.features.labelled import LabelledBatches, LabelledRows
from spaner_core.method.aligner import CrossAttentionAligner
from spaner_core.method.item_maps import (
    ATTACHED_SHRINKAGE,
    JOINT_SHRINKAGE,
    ItemView,
    shared_places,
)
from spaner_core.method.prompt import SharedPrompt
from spaner_core.method.statistics import ConceptSums
from spaner_core.progress import spent

MOST_ITEMS = 2048
"""A map is fitted to so many items at most: more are drawn from."""


def fit_joint_maps(
    aligners: Mapping[str, Any],
    rows: Mapping[str, LabelledRows],
    prompt: SharedPrompt,
    *,
    seed: int,
) -> None:
    """Fit the maps of modalities that were trained together, in place.

    Nothing happens where they share no items, or an aligner is not core's.
    """
    paired, count = _rows_by_item(rows, seed=seed)
    if not paired or not all(isinstance(aligners[name], CrossAttentionAligner) for name in paired):
        return
    trained = ConceptSums(prompt.anchors.shape[1], concept_count=count)
    with spent("item maps"), torch.no_grad():
        views = {}
        for name, part in paired.items():
            aligner: CrossAttentionAligner = aligners[name]
            units = ConceptSums(aligner.reader.width, concept_count=count)
            for features, mask, items in LabelledBatches(part):
                given = aligner(features, mask, prompt.anchors, beta=prompt.beta, strength=0.0)
                units.add(aligner.read_unit(features, mask), items)
                trained.add(given.direction, items)
            views[name] = ItemView.of(units, shrinkage=JOINT_SHRINKAGE)
        places = shared_places(list(views.values()), trained.directions)
        for name, view in views.items():
            aligners[name].item_map.fit(*view.map_to(places))


def fit_attached_map(
    name: str,
    aligner: Any,
    rows: LabelledRows,
    partners: Mapping[str, LabelledRows],
    prompt: SharedPrompt,
    *,
    seed: int,
) -> None:
    """Fit the map of a newcomer to the directions that `partners` have of its items, in place.

    `partners` are as `embed_once` gives them. Nothing happens where the aligner is not core's.
    """
    paired, count = _rows_by_item({name: rows, **partners}, seed=seed)
    if name not in paired or not isinstance(aligner, CrossAttentionAligner):
        return
    units = ConceptSums(aligner.reader.width, concept_count=count)
    stored = ConceptSums(prompt.anchors.shape[1], concept_count=count)
    with spent("item maps"), torch.no_grad():
        for features, mask, items in LabelledBatches(paired.pop(name)):
            units.add(aligner.read_unit(features, mask), items)
        for part in paired.values():
            for features, _, items in LabelledBatches(part):
                stored.add(features[:, 0], items)  # the directions, (B, D)
        places = functional.normalize(stored.directions, dim=-1)
        view = ItemView.of(units, shrinkage=ATTACHED_SHRINKAGE)
        aligner.item_map.fit(*view.map_to(places - places.mean(dim=0)))


def _rows_by_item(
    rows: Mapping[str, LabelledRows], *, seed: int
) -> tuple[dict[str, LabelledRows], int]:
    """Take the rows of items that several modalities show, and count these items.

    The rows have the number of their item, from 0, in the place of a concept.
    """
    every = [torch.unique(part.items[part.items > NONE]) for part in rows.values()]
    items, showing = torch.unique(torch.cat(every), return_counts=True)
    items = items[showing > 1]
    if len(items) > MOST_ITEMS:
        drawn = torch.randperm(len(items), generator=torch.Generator().manual_seed(seed))
        items = items[drawn[:MOST_ITEMS].sort().values]
    paired = {}
    for name, part in rows.items():
        taken = part.take(torch.isin(part.items, items).nonzero().flatten())
        if len(taken):
            paired[name] = replace(taken, concepts=torch.searchsorted(items, taken.items))
    return paired, len(items)
