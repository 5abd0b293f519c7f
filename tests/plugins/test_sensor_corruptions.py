"""What the sensor plugin's corruptions do to a series, measured."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spaner_sensor import spaner_corruptions
from spaner_sensor.reading.series import Series
from torch import Tensor

README = Path(__file__).parents[2] / "plugins" / "sensor" / "README.md"
CORRUPTIONS = {corruption.name: corruption for corruption in spaner_corruptions()}
SEVERITIES = (1, 2, 3, 4, 5)
WITHOUT_CHANCE: frozenset[str] = frozenset()
"""Corruptions that draw nothing, and so are the same for every seed."""

SPREADS = torch.tensor([[0.01], [1.0], [300.0]])


def series_of(values: Tensor, *, sample_rate_hz: float = 10.0) -> Series:
    channels = tuple(f"channel_{number}" for number in range(len(values)))
    return Series(values=values, channels=channels, sample_rate_hz=sample_rate_hz)


def restless(steps: int) -> Series:
    """Synthetic readings that no straight line meets: three channels of different spread."""
    values = torch.randn(3, steps, generator=torch.Generator().manual_seed(7))
    return series_of(5 + SPREADS * values)


def ramp(steps: int) -> Series:
    return series_of(torch.arange(steps).float().repeat(2, 1))


def apply(name: str, series: Series, *, severity: int, seed: int = 0) -> Tensor:
    values: Tensor = CORRUPTIONS[name].apply(series, severity=severity, seed=seed).values
    return values


def spread(values: Tensor) -> Tensor:
    return values.double().std(dim=1, correction=0)


def test_names_are_plain_and_in_the_order_of_the_table() -> None:
    assert list(CORRUPTIONS) == ["noise", "drift", "dropout", "gaps", "clock-error"]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_table_in_the_readme_says_how_strong_each_severity_is(name: str) -> None:
    rows = re.findall(rf"^\| `{name}` \|(.*)\|", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == 1, f"{name}: give it a line of the table in plugins/sensor/README.md"
    stated = [float(cell) for cell in rows[0].split("|")[:5]]
    assert stated == pytest.approx([100 * share for share in CORRUPTIONS[name].strengths])


@pytest.mark.parametrize(("severity", "share"), [(1, 0.1), (2, 0.2), (3, 0.4), (4, 0.7), (5, 1.0)])
def test_noise_is_a_share_of_each_channels_own_deviation(severity: int, share: float) -> None:
    series = restless(20_000)
    noise = apply("noise", series, severity=severity) - series.values
    torch.testing.assert_close(
        spread(noise) / spread(series.values), torch.full((3,), share).double(), rtol=0.03, atol=0
    )
    assert torch.corrcoef(torch.cat([noise, series.values])).fill_diagonal_(0).abs().max() < 0.03


@pytest.mark.parametrize(("severity", "share"), [(1, 0.25), (2, 0.5), (3, 1), (4, 2), (5, 4)])
def test_drift_is_one_slow_swing_that_begins_anywhere(severity: int, share: float) -> None:
    series = restless(500)
    drift = (apply("drift", series, severity=severity) - series.values).double()
    reached = drift.abs().amax(dim=1) / spread(series.values)
    assert reached.tolist() == pytest.approx([share] * 3, rel=0.01)
    swings = torch.fft.rfft(drift)
    assert (swings[:, 1].abs().square() > 0.999 * swings.abs().square().sum(dim=1)).all()
    phases = swings[:, 1].angle()
    assert torch.pdist(phases.unsqueeze(1)).min() > 0.01


@pytest.mark.parametrize(("severity", "share"), [(1, 0.1), (2, 0.2), (3, 0.4), (4, 0.6), (5, 0.8)])
def test_dropout_loses_its_share_of_each_channel_here_and_there(
    severity: int, share: float
) -> None:
    series = restless(1000)
    given = apply("dropout", series, severity=severity)
    lost = given != series.values
    assert lost.sum(dim=1).tolist() == pytest.approx([1000 * share] * 3, abs=2)
    assert not torch.equal(lost[0], lost[1])
    assert (lost[:, :500].sum(dim=1) / lost.sum(dim=1) - 0.5).abs().max() < 0.15
    kept = np.flatnonzero(~lost[0].numpy())
    bridged = np.interp(np.arange(1000), kept, series.values[0].numpy()[kept])
    np.testing.assert_allclose(given[0].numpy(), bridged, rtol=1e-5)


@pytest.mark.parametrize(("severity", "share"), [(1, 0.05), (2, 0.1), (3, 0.2), (4, 0.4), (5, 0.6)])
def test_gaps_lose_one_stretch_of_all_channels_under_a_straight_line(
    severity: int, share: float
) -> None:
    series = restless(1000)
    given = apply("gaps", series, severity=severity)
    lost = given != series.values
    places = torch.nonzero(lost[0]).squeeze(1)
    assert len(places) == pytest.approx(1000 * share, abs=2)
    assert int(places[-1] - places[0]) == len(places) - 1
    assert torch.equal(lost, lost[0].expand_as(lost))
    around = given[:, places[0] - 1 : places[-1] + 2].double()
    assert (around.diff(n=2).abs() < 1e-4 * SPREADS.double()).all()


def test_a_gap_at_an_end_holds_the_nearest_reading() -> None:
    series, held = restless(40), set()
    for seed in range(60):
        given = apply("gaps", series, severity=5, seed=seed)
        lost = given[0] != series.values[0]
        if lost[0]:
            assert torch.equal(given[:, :24], series.values[:, 24:25].expand(3, 24))
            held.add("beginning")
        if lost[-1]:
            assert torch.equal(given[:, 16:], series.values[:, 15:16].expand(3, 24))
            held.add("end")
    assert held == {"beginning", "end"}


@pytest.mark.parametrize("name", ["dropout", "gaps"])
def test_what_is_lost_stays_lost_at_higher_severities(name: str) -> None:
    series = restless(300)
    lost = [apply(name, series, severity=s) != series.values for s in SEVERITIES]
    for lighter, heavier in pairwise(lost):
        assert (heavier | ~lighter).all()


@pytest.mark.parametrize(
    ("severity", "share"), [(1, 0.02), (2, 0.04), (3, 0.08), (4, 0.12), (5, 0.2)]
)
def test_a_clock_runs_fast_or_slow_by_its_share(severity: int, share: float) -> None:
    paces = set()
    for seed in range(8):
        taken = apply("clock-error", ramp(1000), severity=severity, seed=seed)
        assert torch.equal(taken[0], taken[1])
        paces.add(round(float(np.polyfit(np.arange(800), taken[0, :800].numpy(), deg=1)[0]), 3))
    assert paces == {round(1 - share, 3), round(1 + share, 3)}


def test_a_wrong_clock_reads_given_readings_and_turns_back_at_the_end() -> None:
    fast = next(
        taken
        for seed in range(20)
        if (taken := apply("clock-error", ramp(101), severity=5, seed=seed)[0]).max() == 100
    )
    assert set(fast.tolist()) <= set(map(float, range(101)))
    assert fast[-1] == 80
    assert int(fast.argmax()) == pytest.approx(100 / 1.2, abs=1)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_channels_that_never_change_stay_as_they_are(name: str) -> None:
    series = series_of(torch.tensor([[0.1], [0.0], [-7e5]]).repeat(1, 60))
    for severity in SEVERITIES:
        assert torch.equal(apply(name, series, severity=severity), series.values)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize(
    "series",
    [
        series_of(torch.ones(1, 1)),
        series_of(torch.tensor([[1.0, 3.0]])),
        series_of(torch.arange(33.0).reshape(3, 11)),
        series_of(torch.tensor([[3e38, -3e38] * 30])),
        series_of(torch.tensor([[1e-40, 0.0] * 30])),
        series_of(torch.arange(60.0).reshape(1, 60), sample_rate_hz=1e-4),
        series_of(torch.arange(60.0).reshape(1, 60), sample_rate_hz=1e6),
    ],
    ids=["1 step", "2 steps", "11 steps", "huge", "faint", "0.1 mHz", "1 MHz"],
)
def test_odd_series_stay_whole_and_finite(name: str, series: Series) -> None:
    for severity in SEVERITIES:
        given = CORRUPTIONS[name].apply(series, severity=severity, seed=3)
        assert (given.channels, given.sample_rate_hz) == (series.channels, series.sample_rate_hz)
        assert given.values.dtype == torch.float32
        assert given.values.shape == series.values.shape
        assert torch.isfinite(given.values).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_only_the_seed_decides(name: str) -> None:
    series = restless(100)
    known = series.values.clone()
    first = apply(name, series, severity=3, seed=5)
    np.random.seed(1)
    assert torch.equal(first, apply(name, series, severity=3, seed=5))
    assert torch.equal(series.values, known)


@pytest.mark.parametrize("name", [name for name in CORRUPTIONS if name not in WITHOUT_CHANCE])
def test_every_seed_disturbs_in_its_own_way(name: str) -> None:
    given = [apply(name, restless(100), severity=3, seed=seed) for seed in range(10)]
    different = {tuple(values.flatten().tolist()) for values in given}
    assert len(different) > 1, f"{name}: let it draw from the seed, or name it in WITHOUT_CHANCE"


@pytest.mark.parametrize("severity", [0, 6])
def test_there_are_five_severities(severity: int) -> None:
    with pytest.raises(ValueError, match="severity"):
        apply("noise", ramp(20), severity=severity)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corrupted_files_are_prepared_under_default_options(
    load: Callable[[str], Any], tmp_path: Path, name: str
) -> None:
    values = np.random.default_rng(0).normal(size=(73, 6))
    np.save(tmp_path / "series.npy", values)
    encoder, transform = load("sensor").build({"kernels": 40})
    series = transform.decode(tmp_path / "series.npy")
    for severity in SEVERITIES:
        disturbed = CORRUPTIONS[name].apply(series, severity=severity, seed=0)
        windows = transform.prepare(disturbed)
        assert [window.shape for window in windows] == [(6, 50)] * 4
        tokens, mask = encoder(encoder.collate(windows))
        assert mask.all()
        assert torch.isfinite(tokens).all()
