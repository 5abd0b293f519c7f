from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from spaner_core.evaluation.intervals import Interval, intervals, paired_differences, t_interval

VALUES = st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=2, max_size=12)


@given(VALUES)
def test_the_interval_equals_scipys(values: list[float]) -> None:
    found = t_interval(values)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert found.runs == len(values)
    if (error := stats.sem(values)) > 1e-9:
        low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=error)
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6, abs=1e-9)


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert t_interval([0.5, 0.5, 0.5]) == Interval(mean=0.5, low=0.5, high=0.5, runs=3)


def test_one_value_has_a_mean_and_no_interval_and_none_has_neither() -> None:
    assert t_interval([None, 0.5]) == Interval(mean=0.5, low=None, high=None, runs=1)
    nothing = Interval(mean=None, low=None, high=None, runs=0)
    assert t_interval([]) == t_interval([None, None]) == nothing
    assert json.loads(json.dumps(asdict(nothing), allow_nan=False)) == asdict(nothing)


def test_a_figure_that_some_seeds_lack_is_averaged_over_the_others() -> None:
    runs = {7: {"map": 0.5, "skewness": None}, 3: {"map": 0.7, "gap": 1.0}, 5: {"map": 0.6}}
    found = intervals(runs)
    assert list(found) == ["map", "skewness", "gap"]
    assert found["map"] == t_interval([0.5, 0.7, 0.6])
    assert found["skewness"].runs == 0
    assert found["gap"] == Interval(mean=1.0, low=None, high=None, runs=1)
    assert intervals({}) == {}


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=9))
def test_paired_differences_equal_scipys_paired_test(pairs: list[tuple[float, float]]) -> None:
    ours = {seed: {"map": a} for seed, (a, _) in enumerate(pairs)}
    theirs = {seed: {"map": b} for seed, (_, b) in reversed(list(enumerate(pairs)))}
    found = paired_differences(ours, theirs)["map"]
    a, b = np.array(pairs).T
    assert found.mean == pytest.approx(np.mean(a - b), abs=1e-9)
    if np.std(a - b) > 1e-6:
        expected = stats.ttest_rel(a, b).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_what_a_seed_does_to_both_sides_drops_out() -> None:
    swing = {1: 0.1, 2: 0.5, 3: 0.9}
    ours = {seed: {"map": value + 0.02} for seed, value in swing.items()}
    theirs = {seed: {"map": value} for seed, value in swing.items()}
    found = paired_differences(ours, theirs)["map"]
    assert found.low > 0.019
    assert found.high < 0.021
    assert t_interval([run["map"] for run in ours.values()]).low < 0


def test_a_pair_with_a_missing_side_is_left_out_and_so_is_a_figure_of_one_side() -> None:
    ours = {1: {"map": 0.5, "gap": 0.1}, 2: {"map": None}, 3: {"map": 0.8}, 4: {"map": 0.7}}
    theirs = {1: {"map": 0.4}, 2: {"map": 0.1}, 3: {}, 4: {"map": 0.5}}
    found = paired_differences(ours, theirs)
    assert list(found) == ["map"]
    assert (found["map"].runs, found["map"].mean) == (2, pytest.approx(0.15))


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"seeds \[1, 2\] and \[1, 3\]; expected the same"):
        paired_differences({1: {}, 2: {}}, {1: {}, 3: {}})
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="expected finite numbers"):
            t_interval([0.5, wrong])
