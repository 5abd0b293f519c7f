"""Scanning an index finds what comparing every row in float64 finds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from spaner.index.files import ModalityIndex
from spaner.index.records import IndexKey, IndexRecord
from spaner.index.scan import find_nearest
from spaner.index.shards import Shard, write_shard
from spaner_core.data.manifest import Rows
from spaner_core.errors import SpaceError
from spaner_core.evaluation.ranking import cosine_steps
from spaner_core.space.embeddings import EmbeddingParts
from torch.nn import functional

WIDTH = 24
KEY = IndexKey(encoder="", transform="", aligner="", prompt="", dtype="float16")


def unit(rows: torch.Tensor) -> torch.Tensor:
    return functional.normalize(rows, dim=-1)


@pytest.fixture(scope="module")
def vectors() -> EmbeddingParts:
    """Directions close to one another, so that float16 confuses many, and some of them twice."""
    generator = torch.Generator().manual_seed(0)
    anchors = unit(torch.randn(6, WIDTH, generator=generator))
    concept = torch.randint(6, (5000,), generator=generator)
    direction = unit(anchors[concept] + 0.003 * torch.randn(5000, WIDTH, generator=generator))
    direction[1000:1100] = direction[:100]
    pull = (4 * direction @ anchors.T).softmax(-1) @ anchors
    pull[4000] = -direction[4000]  # at strength 0.5 nothing is left of it
    return EmbeddingParts(direction, pull)


@pytest.fixture(scope="module")
def index(vectors: EmbeddingParts, tmp_path_factory: pytest.TempPathFactory) -> ModalityIndex:
    folder = tmp_path_factory.mktemp("index")
    shards = []
    for start in range(0, 5000, 2200):
        part = EmbeddingParts(*(side[start : start + 2200] for side in vectors))
        path = folder / f"shard-{start}.safetensors"
        shards.append(Shard(path, write_shard(path, part)))
    rows = Rows({}, torch.arange(5000))  # type: ignore[arg-type]
    record = IndexRecord(key=KEY, table=shards[0].record, shards=(), manifest=())
    return ModalityIndex(record=record, rows=rows, contents=None, shards=tuple(shards))


@pytest.mark.parametrize("strength", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("few", [False, True])
def test_the_nearest_rows_are_those_of_a_slow_search(
    index: ModalityIndex, vectors: EmbeddingParts, strength: float, few: bool
) -> None:
    queries = unit(vectors.direction[[5, 1005, 4000, 77]] + 0.01)
    allowed = torch.arange(5000) % 7 == 0 if few else None
    found = find_nearest(index, queries, strength=strength, k=30, allowed=allowed)
    steps = cosine_steps(queries.numpy(), vectors.at(strength).numpy())
    for nearest, row in zip(found, steps, strict=True):
        if allowed is not None:
            row = np.where(allowed.numpy(), row, -2_000_000)
        best = np.argsort(-row, kind="stable")[:30]
        assert nearest.places.tolist() == best.tolist()
        assert nearest.steps.tolist() == row[best].tolist()


def test_fewer_rows_than_asked_for_are_all_found(index: ModalityIndex) -> None:
    allowed = torch.zeros(5000, dtype=torch.bool)
    query = unit(torch.ones(1, WIDTH))
    (none,) = find_nearest(index, query, strength=0.5, k=3, allowed=allowed)
    assert none.places.tolist() == []
    allowed[[7, 4321]] = True
    (two,) = find_nearest(index, query, strength=0.5, k=3, allowed=allowed)
    assert sorted(two.places.tolist()) == [7, 4321]


def test_a_shard_of_other_tensors_is_refused(tmp_path: Path, index: ModalityIndex) -> None:
    path = tmp_path / "vision" / "shard-0.safetensors"
    path.parent.mkdir()
    path.write_bytes(index.shards[0].path.read_bytes())
    with pytest.raises(SpaceError, match="spaner index vision"):
        Shard(path, replace(index.shards[0].record, rows=7))
