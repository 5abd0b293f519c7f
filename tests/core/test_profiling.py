"""Every second is booked once; the clock is one that tests wind on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from spaner_core.progress import REST, profiled, spent

Wait = Callable[[float], None]


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Let seconds go by."""
    now = [100.0]

    def wind(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr("spaner_core.progress.perf_counter", lambda: now[0])
    return wind


def test_a_part_within_a_part_counts_for_the_inner_one_alone_and_the_rest_comes_last(
    wait: Wait,
) -> None:
    with profiled() as profile:
        wait(1)
        with spent("outer"):
            wait(2)
            with spent("inner"):
                wait(4)
            wait(8)
        wait(16)
    assert profile.parts() == {"outer": 10, "inner": 4, REST: 17}
    assert list(profile.parts()) == ["outer", "inner", REST]


def test_a_part_adds_up_over_its_visits_and_may_hold_itself(wait: Wait) -> None:
    with profiled() as profile:
        for _ in range(3):
            with spent("part"), spent("part"):
                wait(5)
    assert profile.parts() == {"part": 15, REST: 0}


def test_an_error_ends_the_parts_that_it_leaves(wait: Wait) -> None:
    def work() -> None:
        with spent("outer"), spent("inner"):
            wait(1)
            raise KeyError("x")

    with profiled() as profile:
        with pytest.raises(KeyError):
            work()
        wait(2)
    assert profile.parts() == {"outer": 0, "inner": 1, REST: 2}


def test_parts_may_be_read_while_one_is_open(wait: Wait) -> None:
    with profiled() as profile, spent("part"):
        wait(1)
        assert profile.parts() == {"part": 1, REST: 0}
        wait(1)
    assert profile.parts() == {"part": 2, REST: 0}


def test_nothing_is_booked_where_nobody_asked_or_after_the_end(wait: Wait) -> None:
    with spent("before"):
        wait(1)
    with profiled() as profile:
        wait(2)
    parts = profile.parts()
    with spent("after"):
        wait(4)
    assert parts == {REST: 2}
    assert list(profile.parts()) == [REST]


def test_a_profile_within_a_profile_gives_back_to_the_outer_one(wait: Wait) -> None:
    with profiled() as outer:
        with profiled() as inner, spent("one"):
            wait(1)
        assert inner.parts() == {"one": 1, REST: 0}
        with spent("two"):
            wait(2)
    assert outer.parts() == {"two": 2, REST: 1}
