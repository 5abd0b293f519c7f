"""`spaner index --check N` finds what an index would give otherwise than a slow search."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from spaner.index.files import open_index
from spaner.index.records import write_record
from spaner.index.shards import write_shard
from spaner_core.space.embeddings import EmbeddingParts

from tests.app.projects import rows_of, write_rows

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]

CHECK = ("index", "vision", "--check", "5", "--json", "--quiet")


def test_an_index_in_order_is_found_in_order_and_not_changed(
    indexed: Path, spaner: Run, tree: Tree
) -> None:
    before = tree(indexed / "space.index")
    done = spaner("index", "--check", "4", "--json", "--quiet", cwd=indexed)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["modalities"]
    assert {one["modality"] for one in found} == {"text", "vision", "audio"}
    for one in found:
        assert (one["queries"], one["strengths"]) == (4, [0.0, 0.5, 1.0])
        assert one["differences"] == []
    assert tree(indexed / "space.index") == before


def test_vectors_that_no_sha_tells_are_found_out(indexed: Path, spaner: Run) -> None:
    """Files and their record are in order: another program, or a fault of ours, wrote them."""
    folder = indexed / "space.index"
    index = open_index(folder, "vision")
    assert index is not None
    (shard,) = index.shards
    exact = shard.parts(torch.arange(len(shard)))
    turned = EmbeddingParts(exact.direction.roll(1, 0), exact.pull)
    part = write_shard(folder / "vision" / "shard-other.safetensors", turned)
    write_record(folder, "vision", replace(index.record, shards=(part,)))
    done = spaner(*CHECK, cwd=indexed)
    assert done.returncode == 1, done.stderr
    (one,) = json.loads(done.stdout)["modalities"]
    assert any("strength 0: hit 1 is " in said for said in one["differences"])
    assert not any("strength 1:" in said for said in one["differences"])  # pulls are in order


def test_rows_that_the_manifest_has_otherwise_are_told(indexed: Path, spaner: Run) -> None:
    rows = rows_of(indexed)
    first = next(row for row in rows if row["modality"] == "vision")
    write_rows(indexed, [row for row in rows if row is not first])
    done = spaner(*CHECK, cwd=indexed)
    (one,) = json.loads(done.stdout)["modalities"]
    (said,) = one["differences"]
    assert done.returncode == 1
    assert said.startswith("'vision': 1 rows of the index or of the manifest")


def test_a_file_that_holds_something_else_is_told(indexed: Path, spaner: Run) -> None:
    (path,) = (indexed / "space.index" / "vision").glob("shard-*")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    done = spaner("index", "--check", "1", "--quiet", cwd=indexed)
    assert done.returncode == 1
    assert f"{path.relative_to(indexed)} cannot be used" in " ".join(done.stdout.split())


def test_nothing_to_check_is_refused(folder: Path, spaner: Run) -> None:
    done = spaner(*CHECK, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "`spaner index vision`" in done.stderr
    both = spaner("index", "--check", "5", "--overwrite", cwd=folder)
    assert (both.returncode, both.stdout) == (2, "")
