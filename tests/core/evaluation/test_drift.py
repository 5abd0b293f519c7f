"""Tests of drift against slow counts, and how often they are wrong together."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from scipy.stats import fisher_exact
from spaner_core.evaluation import drift as module
from spaner_core.evaluation.drift import (
    adjusted,
    fading,
    feature_shift,
    needed_permutations,
    score_shift,
    tail_shift,
)
from torch import Tensor


def test_the_chance_of_new_rows_in_the_tail_is_that_of_all_arrangements() -> None:
    new, old = torch.tensor([0.0, 1.5, 9.0]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    found = tail_shift(new, old, rate=0.4)  # below the second least
    values = torch.cat([new, old]).sort().values
    as_many = 0
    arrangements = list(combinations(range(7), 3))
    for places in arrangements:
        ours = torch.zeros(7).bool()
        ours[list(places)] = True
        as_many += int((values[ours] < values[~ours][1]).sum()) >= 2
    assert found.p_value == pytest.approx(as_many / len(arrangements))
    assert found.effect == pytest.approx(2 / 3 - 2 / 4)
    with pytest.raises(ValueError, match="got 4 old rows; expected at least 9"):
        tail_shift(new, old, rate=0.1)


def test_equal_values_are_no_drift() -> None:
    same = torch.ones(30)
    assert tail_shift(same, same, rate=0.1).p_value == 1
    assert score_shift(same, same).p_value == 1
    assert feature_shift(same[:, None], same[:, None], permutations=99).p_value == 1


def test_the_energy_is_that_of_a_slow_loop_and_permutations_count_as_far_ones() -> None:
    random = torch.Generator().manual_seed(0)
    new, old = torch.randn(6, 3, generator=random) + 3, torch.randn(9, 3, generator=random)

    def mean(a: Tensor, b: Tensor) -> float:
        return sum(float((x - y).norm()) for x in a for y in b) / (len(a) * len(b))

    between = mean(new, old)
    energy = 2 * between - mean(new, new) - mean(old, old)
    found = feature_shift(new, old, permutations=499)
    assert found.effect == pytest.approx(energy / (2 * between), rel=1e-4)
    assert found.p_value == pytest.approx(1 / 500, abs=1 / 400)
    alike = feature_shift(torch.randn(6, 3, generator=random), old, permutations=499)
    assert alike.p_value > 0.05
    assert feature_shift(new, old, permutations=499) == found, "the same, each time"
    with pytest.raises(ValueError, match="expected one width"):
        feature_shift(new, old[:, :2], permutations=9)


def test_of_many_rows_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 40)
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(400, 2, generator=random)
    assert feature_shift(rows[:200], rows[200:], permutations=199).p_value > 0.05
    assert feature_shift(rows[:200] + 3, rows[200:], permutations=199).p_value == 1 / 200


def test_a_concept_that_fades_is_told_by_fishers_test() -> None:
    new, old = torch.tensor([2, 50, 8]), torch.tensor([20, 20, 0])
    found = fading(new, old)
    exact = fisher_exact([[2, 58], [20, 20]], alternative="less")
    assert found[0].p_value == pytest.approx(exact.pvalue)
    assert found[0].effect == pytest.approx(20 / 40 - 2 / 60)
    assert found[1].p_value > 0.99
    assert found[2].p_value == 1


def test_p_values_are_corrected_by_question_and_number() -> None:
    found = adjusted({"features": [0.03, 0.001, 0.02], "scores": [0.2], "none": []})
    assert found["features"] == pytest.approx([2 * 0.04, 2 * 0.003, 2 * 0.04])
    assert found["scores"] == pytest.approx([0.4])
    assert found["none"] == []
    assert adjusted({"one": [0.6, 0.7]})["one"] == [1, 1]


def test_so_many_permutations_can_reach_the_strictest_level() -> None:
    permutations = needed_permutations(0.01, families=4, tests=5)
    assert 3 / (permutations + 1) < 0.01 / (4 * 5) < 5 / (permutations + 1)


def test_reports_of_rows_that_are_alike_alarm_no_more_often_than_asked() -> None:
    random = torch.Generator().manual_seed(1)
    alarms, reports = 0, 200
    for seed in range(reports):
        rows = torch.randn(60, 4, generator=random)
        new, old = rows[:25], rows[25:]
        kinds = [torch.bincount((part[:, 1] > 0).long(), minlength=2) for part in (new, old)]
        shifts = {
            "tail": [tail_shift(new[:, 0], old[:, 0], rate=0.1)],
            "scores": [score_shift(new[:, i], old[:, i]) for i in range(3)],
            "features": [feature_shift(new, old, permutations=119, seed=seed)],
            "concepts": fading(*kinds),
        }
        found = adjusted({name: [s.p_value for s in part] for name, part in shifts.items()})
        alarms += min(min(part) for part in found.values()) <= 0.2
    assert 4 <= alarms <= 0.2 * reports + 3 * (0.2 * 0.8 * reports) ** 0.5
