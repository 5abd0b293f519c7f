"""Embeds rows by the index's vectors where it has them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import pyarrow as pa
import torch
from pyarrow import compute as pc
from spaner_core.errors import SpaceError
from spaner_core.space.embeddings import EmbeddingParts
from spaner_core.space.records import Strength
from torch import Tensor

from spaner.index.files import open_index
from spaner.index.shards import parts_at
from spaner.index.usable_index import current_key, index_folder
from spaner.project import Project
from spaner.usable_rows import UsableRows

StrengthT = TypeVar("StrengthT", bound=Strength | None)


def embed_rows(
    project: Project, modality: str, usable: UsableRows, *, strengths: Iterable[StrengthT]
) -> dict[StrengthT, Tensor]:
    """Embed rows at each of `strengths`, (n, D) of unit length.

    With an index or without one they are the same: one that is broken, or of another space or
    aligner, is passed over. Raises as `Space.embed`.
    """
    parts = _indexed(project, modality, usable)
    if parts is not None:
        known = project.space.strengths
        return {strength: parts.at(known.pull(strength)) for strength in strengths}
    embed = project.space.embed
    return {
        strength: torch.from_numpy(embed(modality, usable.features, strength=strength))
        for strength in strengths
    }


def _indexed(project: Project, modality: str, usable: UsableRows) -> EmbeddingParts | None:
    """Return what the index has of these rows; None where it lacks one or does not fit."""
    try:
        index = open_index(index_folder(project.config.space), modality)
    except SpaceError:
        return None
    if index is None or index.record.key != current_key(project, modality):
        return None
    places = pc.index_in(pa.array(usable.contents, pa.string()), value_set=index.contents)
    if places.null_count or not len(places):
        return None
    return parts_at(index.shards, torch.from_numpy(places.to_numpy().astype(np.int64)))
