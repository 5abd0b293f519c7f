from __future__ import annotations

import itertools

import pytest
from spaner_core.previews.time_axis import round_step_s, stretches


@pytest.mark.parametrize(
    ("length_s", "most", "step_s"),
    [(1.0, 4, 0.5), (0.37, 8, 0.05), (75.0, 20, 5.0), (61.0, 1, 120.0), (7200.0, 5, 1800.0)],
)
def test_steps_are_round(length_s: float, most: int, step_s: float) -> None:
    assert round_step_s(length_s, most=most) == pytest.approx(step_s)


@pytest.mark.parametrize("steps", [1, 2, 9, 50, 95, 16_123, 158_760_000])
@pytest.mark.parametrize("rate_hz", [1 / 3600, 10.0, 44_100.0])
@pytest.mark.parametrize("most", [1, 4, 20])
def test_stretches_lie_side_by_side_and_cover_everything(
    steps: int, rate_hz: float, most: int
) -> None:
    cut = stretches(steps, rate_hz=rate_hz, most=most)
    assert 1 <= len(cut) <= most
    assert [cut[0].start, cut[-1].end] == [0, steps]
    assert all(one.end == other.start for one, other in itertools.pairwise(cut))
    assert all(each.start < each.end for each in cut)
    assert len({each.label for each in cut}) == len(cut)


@pytest.mark.parametrize(
    ("steps", "rate_hz", "labels"),
    [
        (37, 10.0, ["0.0 to 0.5 s", "3.0 to 3.7 s"]),
        (38, 10.0, ["0.0 to 0.5 s", "3.5 to 3.8 s"]),
        (95, 10.0, ["0 to 2 s", "8 to 9.5 s"]),
        (16_123, 16_000.0, ["0.0 to 0.2 s", "0.8 to 1.008 s"]),
        (5, 10.0, ["0.0 to 0.1 s", "0.4 to 0.5 s"]),
    ],
)
def test_labels_are_exact_at_the_end_and_round_elsewhere(
    steps: int, rate_hz: float, labels: list[str]
) -> None:
    cut = stretches(steps, rate_hz=rate_hz, most=8)
    assert [cut[0].label, cut[-1].label] == labels
