"""Proves by an index that an encoder gives what was indexed."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path

import torch
from spaner_core.errors import SpaceError, UnusableInput
from spaner_core.features.batch_files import DTYPES
from spaner_core.features.encoding import encode_samples
from spaner_core.features.inputs import KeyedInput, key_inputs
from spaner_core.features.rows import FeatureRows
from spaner_core.space.embeddings import EmbeddingParts
from torch import Tensor

from spaner.index.files import ModalityIndex, open_index
from spaner.index.shards import parts_at
from spaner.index.usable_index import current_key, index_folder
from spaner.project import Project

TRIED_ROWS = 12
"""Rows, drawn from all of the index, among which the smallest that is unchanged is embedded."""

TOLERANCES = {"float32": 1e-3, "bfloat16": 0.05}
"""How far a direction of length 1 may be from the one that is kept, by what the encoder computes
in: as sums in another order, and rounding in batches of another size, put it."""


def check_source(project: Project, modality: str) -> None:
    """Raise unless queries of a modality are encoded as what is known of it was.

    A row of its index is embedded anew and compared, which reads neither the manifest nor the
    stored features; they are read where there is no such row. Raises as `Project.check_modality`.
    """
    project.space.check_modality(modality)
    if not project.freshness.has_checked(modality) and _is_proven(project, modality):
        project.freshness.note_checked(modality)
    project.check_modality(modality, rows=1)  # which costs what a query does


def _is_proven(project: Project, modality: str) -> bool:
    """Tell whether a row is embedded as in the index; False too where nothing can be compared."""
    with suppress(SpaceError):  # what is wrong with an index, its searches tell
        index = open_index(index_folder(project.config.space), modality)
        if index is not None and index.record.key == current_key(project, modality):
            for place, source in _smallest(project, modality, index):
                (given,) = key_inputs([source])
                if isinstance(given, KeyedInput) and given.key == index.contents[place].as_py():
                    known = parts_at(index.shards, torch.tensor([place]))
                    return _alike(project, modality, source, known)
    return False


def _smallest(
    project: Project, modality: str, index: ModalityIndex
) -> Iterator[tuple[int, Path | str]]:
    """Give places and inputs of rows that are drawn, the smallest first."""
    count = len(index.rows)
    drawn = random.Random(0).sample(range(count), min(count, TRIED_ROWS))
    sizes = []
    sources = project.sources(modality, index.rows.take(drawn))
    for place, source in zip(drawn, sources, strict=True):
        with suppress(OSError, ValueError):  # it is gone, or part of a file
            size = source.stat().st_size if isinstance(source, Path) else len(source)
            sizes.append((size, place, source))
    for _, place, source in sorted(sizes, key=lambda one: one[:2]):
        yield place, source


def _alike(project: Project, modality: str, source: Path | str, known: EmbeddingParts) -> bool:
    """Embed an input as it was indexed, by way of a store, and compare."""
    assembled = project.assembly.modality(modality)
    with redirect_stdout(sys.stderr):
        ((_, sample),) = encode_samples(assembled.encoder, assembled.transform, [source])
    if isinstance(sample, UnusableInput):
        return False
    stored = sample.values.to(DTYPES[project.config.features.dtype]).float()
    rows = FeatureRows(values=stored.unsqueeze(0), mask=sample.mask.unsqueeze(0))
    (now,) = project.space.embedding_parts(modality, rows)
    off: Tensor = (now.direction - known.direction).norm()
    return float(off) <= TOLERANCES[assembled.encoder.precision]
