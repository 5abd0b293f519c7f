"""Finds rows of finished modalities that share items with a newcomer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from spaner_core.data.manifest import Rows
from spaner_core.features.labelled import LabelledRows
from spaner_core.training.settled import embed_once

from spaner.project import Project
from spaner.splits import trained_split
from spaner.training.plan import labelled_rows
from spaner.usable_modalities import usable_modalities


def paired_rows(project: Project, name: str, rows: Rows) -> dict[str, Rows]:
    """Find training rows of the space's other modalities that share items with rows of `name`.

    Modalities that cannot be used here are left out, and `project.left_out` keeps why.
    """
    if not rows.items:
        return {}
    split = trained_split(project.manifest)
    found = {
        other: project.manifest.select(other, split).having("item", rows.items)
        for other in usable_modalities(project)
        if other != name
    }
    return {other: part for other, part in found.items() if part}


@dataclass(frozen=True, kw_only=True)
class Partners:
    """Embedded rows of finished modalities, and how many items a newcomer shares with each."""

    rows: Mapping[str, LabelledRows]
    pairs: dict[str, int]


def embed_partners(project: Project, paired: Mapping[str, Rows], rows: LabelledRows) -> Partners:
    """Embed those of the `paired` rows that can be used and show an item of a newcomer's `rows`.

    Raises `SpaceError` and `DataError` as `Project.check_modality` and `Project.features` do.
    """
    space, partners = project.space, {}
    for other, given in paired.items():
        with project.left_out.where_broken(other):
            project.check_modality(other)
            known = labelled_rows(project, other, given, concepts=space.concepts)
            known = known.take(torch.nonzero(torch.isin(known.items, rows.items)).flatten())
            if len(known):
                partners[other] = embed_once(space, other, known)
    return Partners(
        rows=partners,
        pairs={other: len(set(part.items.tolist())) for other, part in partners.items()},
    )


def describe_pull(concepts: Sequence[object], pairs: Mapping[str, int]) -> str:
    """Say what a newcomer learns from: "labels and 312 pairs with text, vision"."""
    labels = ["labels"] if concepts else []
    linked = [f"{sum(pairs.values()):,} pairs with {', '.join(pairs)}"] if pairs else []
    return " and ".join(labels + linked)
