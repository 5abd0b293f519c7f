"""An index of synthetic vectors, and a project of as many made-up texts."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import torch
import yaml
from spaner.index.files import ModalityIndex
from spaner.index.records import IndexKey, IndexRecord
from spaner.index.shards import SHARD_ROWS, Shard, write_shard
from spaner_core.data.manifest import Rows
from spaner_core.space.embeddings import EmbeddingParts
from torch import Tensor
from torch.nn import functional

WIDTH, ANCHORS = 128, 100
SPREAD = 0.09
"""Of each number of a row around its anchor: rows of one concept have cosines about .5."""
LABELLED, CONCEPTS = 2_000, 20
WORDS = 4_000


def make_index(folder: Path, *, rows: int) -> ModalityIndex:
    """Write shards of synthetic vectors, and open them: no table, since none is read."""
    generator = torch.Generator().manual_seed(0)
    shards = []
    for number, parts in enumerate(_parts(rows, generator)):
        path = folder / f"shard-{number}.safetensors"
        shards.append(Shard(path, write_shard(path, parts)))
    key = IndexKey(encoder="", transform="", aligner="", prompt="", dtype="float16")
    record = IndexRecord(
        key=key,
        table=shards[0].record,
        shards=tuple(shard.record for shard in shards),
        manifest=(),
    )
    lines = pa.array(range(rows), pa.int64())
    return ModalityIndex(
        record=record, rows=Rows({}, lines), contents=pa.nulls(rows), shards=tuple(shards)
    )


def _parts(rows: int, generator: torch.Generator) -> Iterator[EmbeddingParts]:
    """Give directions around anchors, and pulls as aligners compute them."""
    anchors = anchors_of(generator)
    for start in range(0, rows, SHARD_ROWS):
        direction = near(anchors, count=min(SHARD_ROWS, rows - start), generator=generator)
        yield EmbeddingParts(direction, (10 * direction @ anchors.T).softmax(-1) @ anchors)


def anchors_of(generator: torch.Generator) -> Tensor:
    """Draw anchors (ANCHORS, WIDTH)."""
    return functional.normalize(torch.randn(ANCHORS, WIDTH, generator=generator), dim=-1)


def near(anchors: Tensor, *, count: int, generator: torch.Generator) -> Tensor:
    """Draw rows (count, D) of unit length, each near an anchor."""
    chosen = anchors[torch.randint(len(anchors), (count,), generator=generator)]
    noise = torch.randn(count, anchors.shape[1], generator=generator)
    return functional.normalize(chosen + SPREAD * noise, dim=-1)


def make_project(folder: Path, *, rows: int) -> Path:
    """Write a project of texts of random words, the first with a concept; return its yaml."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnoprstuvwyz", k=6)) for _ in range(WORDS)]
    labelled = min(LABELLED, rows // 2)
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("modality", "input", "concept", "split", "id", "year"))
        for number in range(rows):
            concept = number % CONCEPTS
            own = words[8 * concept + draw.randrange(8)]
            text = " ".join([own, *draw.choices(words, k=draw.randint(3, 10)), str(number)])
            known = number < labelled
            label, split = (f"c{concept}", "train") if known else ("", "test")
            table.writerow(("text", text, label, split, f"t{number}", 1950 + number % 75))
    content = {
        "space": "space",
        "data": {"manifest": "manifest.csv"},
        "modalities": {"text": {"encoder": {"model": "hashed"}}},
        "prompt": {"anchors": "random"},
        "training": {"max_steps": 20, "warmup_steps": 2},
    }
    config = folder / "plugins.yaml"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    return config
