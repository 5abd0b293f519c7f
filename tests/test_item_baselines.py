"""Ridge and regularised CCA on pairs, against slow solutions; the comparison runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from baselines.paired import CLOSED_FORMS, PairMaps, canonical_between, paired_rows, ridge_between
from scipy.linalg import block_diag, eigh
from torch import Tensor

ROOT = Path(__file__).parents[1]


def pairs() -> tuple[Tensor, Tensor]:
    """Rows (40, 5) and (40, 3) that share two hidden variables; synthetic."""
    random = np.random.default_rng(0)
    hidden = random.normal(size=(40, 2))
    first, second = (
        hidden @ random.normal(size=(2, width)) + 0.3 * random.normal(size=(40, width)) + 1
        for width in (5, 3)
    )
    return torch.from_numpy(first), torch.from_numpy(second)


def test_every_pair_of_rows_of_one_item_is_found_once() -> None:
    mine, theirs = torch.tensor([3, -1, 4, 3, 9]), torch.tensor([-1, 3, 9, 3, 5])
    found = set(zip(*(part.tolist() for part in paired_rows(mine, theirs)), strict=True))
    assert found == {
        (a, b) for a in range(5) for b in range(5) if mine[a] == theirs[b] and mine[a] >= 0
    }


def test_ridge_solves_the_normal_equations_for_each_penalty() -> None:
    first, second = pairs()
    x, y = (part.numpy() - part.numpy().mean(axis=0) for part in (first, second))
    for maps in ridge_between(first, second):
        penalty = maps.settings["penalty"]
        weights = np.linalg.inv(x.T @ x + penalty * np.eye(5)) @ x.T @ y
        expected = x @ weights + second.numpy().mean(axis=0)
        np.testing.assert_allclose(maps.queries(first).numpy(), expected, atol=1e-9)
        assert torch.equal(maps.gallery(second), second)


@pytest.mark.parametrize("count", [40, 4])
def test_canonical_maps_solve_the_eigenproblem_of_shrunk_covariances(count: int) -> None:
    first, second = (part[:count] for part in pairs())
    x, y = (part.numpy() - part.numpy().mean(axis=0) for part in (first, second))
    between = x.T @ y / len(x)
    across = np.block([[np.zeros((5, 5)), between], [between.T, np.zeros((3, 3))]])
    tried = list(canonical_between(first, second))
    assert len({tuple(maps.settings.items()) for maps in tried}) == len(tried) > 10
    for maps in tried:
        spreads = [shrunk(part, maps.settings["shrinkage"]) for part in (x, y)]
        values, vectors = eigh(across, block_diag(*spreads))
        best = np.argsort(-values)[:3]
        weights = values[best] ** (2 * maps.settings["power"])
        expected = x @ (vectors[:5, best] * weights) @ vectors[5:, best].T @ y.T
        scores = maps.queries(first) @ maps.gallery(second).T
        np.testing.assert_allclose(scores.numpy(), expected, atol=1e-9)


def shrunk(centred: np.ndarray, shrinkage: float) -> np.ndarray:
    covariance = np.cov(centred.T, bias=True)
    width = len(covariance)
    return (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / width * np.eye(width)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_partners_that_were_not_fitted_find_each_other(name: str) -> None:
    first, second = pairs()

    def hits(maps: PairMaps, queries: Tensor, gallery: Tensor) -> float:
        unit = torch.nn.functional.normalize
        asked, found = (
            unit(rows - rows.mean(dim=0), dim=1)
            for rows in (maps.queries(queries[30:]), maps.gallery(gallery[30:]))
        )
        return float(((asked @ found.T).argmax(dim=1) == torch.arange(10)).double().mean())

    there, back = CLOSED_FORMS[name](first[:30], second[:30])
    assert max(hits(maps, first, second) for maps in there) > 0.4  # chance is 0.1
    assert max(hits(maps, second, first) for maps in back) > 0.4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("items.py", ("| SPANER |", "| ridge |", "| regularised CCA |", "| text → sensor |")),
        (
            "unlabelled_pairs.py",
            ("1 labelled a concept", "| concept mAP at 0.25 |", "| item MRR |"),
        ),
    ],
)
def test_a_quick_comparison_prints_every_line(script: str, lines: tuple[str, ...]) -> None:
    command = [sys.executable, f"benchmarks/{script}", "--quick"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    for line in lines:
        assert line in ended.stdout
