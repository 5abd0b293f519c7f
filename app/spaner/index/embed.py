"""Embeds rows by the index's vectors where it has them all."""

from __future__ import annotations

from contextlib import suppress

import torch
from spaner_core.errors import SpaceError
from spaner_core.space.records import Strength
from torch import Tensor

from spaner.index.files import ModalityIndex, open_index
from spaner.index.shards import parts_at
from spaner.index.usable_index import current_key, index_folder
from spaner.project import Project
from spaner.usable_rows import UsableRows


def embed_rows(
    project: Project, modality: str, usable: UsableRows, *, strength: Strength | None = None
) -> Tensor:
    """Embed rows, (n, D) of unit length; with an index or without one they are the same.

    Raises as `Space.embed`.
    """
    index = _fitting_index(project, modality)
    if index is not None:
        known = {content: place for place, content in enumerate(index.contents.to_pylist())}
        places = [known.get(content, -1) for content in usable.contents]
        if places and min(places) >= 0:
            pull = project.space.strengths.pull(strength)
            return parts_at(index.shards, torch.tensor(places)).at(pull)
    return torch.from_numpy(project.space.embed(modality, usable.features, strength=strength))


def _fitting_index(project: Project, modality: str) -> ModalityIndex | None:
    with suppress(SpaceError):  # a broken or stale one is a matter for searches
        index = open_index(index_folder(project.config.space), modality)
        if index is not None and index.record.key == current_key(project, modality):
            return index
    return None
