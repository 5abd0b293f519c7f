"""What version 0.1.0 wrote opens, and gives the same bytes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
Tree = Callable[[Path], dict[str, str]]

KEPT = Path(__file__).parents[1] / "kept"
SPACES = ("plain", "extended")
SAME_ARITHMETIC = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
}
"""Keeps torch to instructions that every x86-64 processor has: sums add up in one order."""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy of the kept project."""
    return Path(shutil.copytree(KEPT / "project", tmp_path / "project"))


def test_the_kept_spaces_give_the_same_embeddings(
    kept: Path, cold_environment: dict[str, str], tree: Tree
) -> None:
    before = tree(kept)
    done = subprocess.run(
        [sys.executable, KEPT / "embed.py"],
        cwd=kept,
        env={**cold_environment, **SAME_ARITHMETIC},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == (KEPT / "embeddings.safetensors").read_bytes()
    assert tree(kept) == before


@pytest.mark.parametrize("space", SPACES)
def test_the_receipts_of_the_kept_spaces_hold(kept: Path, space: str, spaner: Run) -> None:
    result = spaner("verify", "--space", space, cwd=kept)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_kept_features_are_used_as_they_are(kept: Path, spaner: Run, tree: Tree) -> None:
    before = tree(kept / "manifest.features")
    result = spaner("extract", "--json", cwd=kept)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)["modalities"]
    assert [part["extracted"] for part in told] == [0, 0, 0]
    after = tree(kept / "manifest.features")
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("space", SPACES)
def test_the_kept_spaces_find_the_same(kept: Path, space: str, spaner: Run) -> None:
    for asked in json.loads((KEPT / "hits.json").read_text(encoding="utf-8")):
        if asked["space"] == space:
            result = spaner("search", *asked["command"], "--space", space, cwd=kept)
            assert result.returncode == 0, result.stderr
            found = json.loads(result.stdout)  # a later version may say more of a hit
            known = [{key: hit[key] for key in asked["hits"][0]} for hit in found]
            assert known == comparable(asked["hits"])


def comparable(hits: list[dict[str, object]]) -> list[dict[str, object]]:
    """Leave out the last digit of scores, which another processor may round differently."""
    return [
        {key: pytest.approx(v, abs=2e-4) if isinstance(v, float) else v for key, v in hit.items()}
        for hit in hits
    ]
