"""Which parts are covered together, and what that says of each."""

from __future__ import annotations

import numpy as np
import pytest
from spaner_core.evaluation.part_falls import draw_covers, fit_falls


@pytest.mark.parametrize(("parts", "most"), [(2, 8), (3, 64), (16, 64), (64, 64), (60, 61)])
def test_each_part_is_covered_alone_first_and_the_budget_is_kept(parts: int, most: int) -> None:
    covers = draw_covers(parts, most=most)
    assert len(covers) <= most
    assert np.array_equal(covers[:parts], np.eye(parts, dtype=bool))
    assert len(np.unique(covers, axis=0)) == len(covers)
    assert not covers.all(axis=1).any(), "of nothing nothing can be said"
    assert np.array_equal(covers, draw_covers(parts, most=most))


@pytest.mark.parametrize("parts", [0, 1])
def test_a_single_part_is_never_covered(parts: int) -> None:
    assert draw_covers(parts, most=8).shape == (0, parts)


@pytest.mark.parametrize("most", [8, 64])
def test_parts_that_matter_stand_out(most: int) -> None:
    worth = np.array([0.0, 0.3, 0.0, 0.1, 0.0, 0.0, -0.2, 0.0])
    covers = draw_covers(8, most=most)
    falls = covers @ worth
    falls[4] = np.nan  # nothing was left to encode
    found = fit_falls(covers, falls)
    assert found.argsort()[[-1, -2, 0]].tolist() == [1, 3, 6]


def test_a_part_that_others_stand_in_for_is_seen_beside_them() -> None:
    covers = draw_covers(6, most=64)
    falls = 1.0 * (covers[:, 0] & covers[:, 1])  # either of two is enough
    assert not falls[:6].any(), "alone neither is missed"
    assert set(fit_falls(covers, falls).argsort()[-2:].tolist()) == {0, 1}
