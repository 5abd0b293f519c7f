from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.method.pool import add_unlabelled
from spaner_core.method.trust import sum_weighted
from torch import Tensor
from torch.nn import functional

COUNT = 4


def drawn(seed: int, rows: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    units = functional.normalize(torch.randn(rows, 5, generator=generator), dim=-1)
    return units, torch.randint(-1, COUNT - 1, (rows,), generator=generator)


def slow_sums(units: list[list[float]], concepts: list[int]) -> dict[int, list[float]]:
    def total(parts: list[tuple[float, list[float]]]) -> list[float]:
        return [sum(w * u[k] for w, u in parts) for k in range(len(units[0]))]

    labelled = {
        c: total([(1.0, u) for u, y in zip(units, concepts, strict=True) if y == c])
        for c in sorted({c for c in concepts if c >= 0})
    }
    free = [u for u, y in zip(units, concepts, strict=True) if y < 0]
    found = labelled
    for _ in range(5):
        shares = []
        for row in free:
            marks = {
                c: math.exp(20 * sum(x * y for x, y in zip(s, row, strict=True)) / math.hypot(*s))
                for c, s in found.items()
            }
            shares.append({c: mark / sum(marks.values()) for c, mark in marks.items()})
        found = {
            c: total([(1.0, s), *((0.3 * q[c], u) for q, u in zip(shares, free, strict=True))])
            for c, s in labelled.items()
        }
    return found


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 20))
def test_sums_equal_a_slow_loop(seed: int, rows: int) -> None:
    units, concepts = drawn(seed, rows)
    batches = units.split(7)
    sums = sum_weighted(batches, concepts, torch.ones(rows), concept_count=COUNT)
    found = add_unlabelled(sums, batches, concepts)
    assert torch.equal(found.support, sums.support)
    expected = slow_sums(units.double().tolist(), concepts.tolist())
    for concept, own in enumerate(found.directions.tolist()):
        assert own == pytest.approx(expected.get(concept, [0.0] * 5), abs=1e-6)
