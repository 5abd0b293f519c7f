from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from numpy.typing import NDArray
from spaner_core import OptionError, UnusableInput
from spaner_sensor.encoders.rocket import draw_kernels

CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")


def movement(steps: int, *, strength: float = 1.0, seed: int = 0) -> NDArray[np.float64]:
    """Synthetic readings (steps, 6): swings of random pace and noise."""
    random = np.random.RandomState(seed)
    time = np.arange(steps)[:, None]
    swing = np.sin(time * random.uniform(0.2, 2, 6) + random.uniform(0, 6, 6))
    return strength * (swing + 0.3 * random.normal(size=(steps, 6)))


def write_csv(
    path: Path, values: Iterable[Iterable[object]], *, header: Sequence[str] = CHANNELS
) -> Path:
    rows = [",".join(header), *(",".join(map(str, row)) for row in values)]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def sensor(load: Callable[[str], Any]) -> Any:
    return load("sensor")


@pytest.fixture
def series(tmp_path: Path) -> list[Path]:
    lengths = (50, 100, 73)
    return [write_csv(tmp_path / f"{steps}.csv", movement(steps, seed=steps)) for steps in lengths]


def test_the_share_above_zero_is_exactly_the_same_in_batches_of_any_size(sensor: Any) -> None:
    encoder, _ = sensor.build({"kernels": 60})
    windows = torch.from_numpy(np.stack([movement(50, seed=s).T for s in range(40)])).float()
    together, _ = encoder(windows)
    apart = torch.cat([encoder(part)[0] for part in windows.split(7)])
    assert torch.equal(together[..., 0::2], apart[..., 0::2])


def test_windows_start_every_hop_and_reach_the_end(sensor: Any, series: list[Path]) -> None:
    _, transform = sensor.build()
    counts = [len(transform.prepare(transform.decode(path))) for path in series]
    assert counts == [1, 6, 4]  # 73 steps: 0, 10, 20 and, for the rest, 23
    sample = transform.decode(series[2])
    assert sample.values.shape == (6, 73)
    assert torch.equal(transform.prepare(sample)[-1], sample.values[:, 23:])


def test_features_are_those_of_a_slow_loop(sensor: Any) -> None:
    steps, count = 30, 12
    options = {"channels": ["a", "b"], "window_s": steps / 10, "kernels": count, "seed": 3}
    encoder, _ = sensor.build(options)
    window = movement(steps)[:, :2].T
    (token,), _ = encoder(torch.from_numpy(window).float().unsqueeze(0))
    values = np.sign(window) * np.log1p(np.abs(window))
    expected = []
    for group in draw_kernels(count, channels=2, steps=steps, seed=3):
        padded = np.pad(values, ((0, 0), (group.padding, group.padding)))
        for weight, bias in zip(group.weight, group.bias, strict=True):
            span = (weight.shape[1] - 1) * group.dilation
            response = [
                bias
                + sum(
                    weight[c, j] * padded[c, t + j * group.dilation]
                    for c in range(2)
                    for j in range(weight.shape[1])
                )
                for t in range(padded.shape[1] - span)
            ]
            expected += [np.mean(np.array(response) > 0), max(response)]
    torch.testing.assert_close(token[0], torch.tensor(expected).float(), rtol=1e-5, atol=1e-5)


def test_kernels_are_as_the_paper_draws_them() -> None:
    groups = draw_kernels(400, channels=6, steps=50, seed=0)
    assert sum(len(group.bias) for group in groups) == 400
    lengths = {group.weight.shape[2] for group in groups}
    assert lengths == {7, 9, 11}
    for group in groups:
        length = group.weight.shape[2]
        assert 1 <= group.dilation <= (50 - 1) / (length - 1)
        assert group.padding in (0, (length - 1) * group.dilation // 2)
        assert (np.abs(group.bias) <= 1).all()
        np.testing.assert_allclose(group.weight.sum(axis=2), 0, atol=1e-12)
        assert np.any(group.weight != 0, axis=2).any(axis=1).all(), "each kernel sees a channel"
    used = np.concatenate([np.any(g.weight != 0, axis=2).sum(axis=1) for g in groups])
    assert used.min() == 1
    assert used.max() > 3


def test_a_seed_gives_the_same_kernels_for_good() -> None:
    first = draw_kernels(3, channels=2, steps=30, seed=7)[0]
    # a change here changes everyone's stored features: raise the encoder's ALGORITHM_VERSION
    assert (first.weight.shape, first.dilation, first.padding) == ((1, 2, 7), 3, 9)
    np.testing.assert_allclose(first.bias[0], 0.8624120393780434, rtol=1e-9)
    np.testing.assert_allclose(np.abs(first.weight[0]).sum(), 7.749114888650444, rtol=1e-9)


def test_strength_of_a_movement_is_kept(sensor: Any, tmp_path: Path) -> None:
    weak = write_csv(tmp_path / "weak.csv", movement(50, strength=0.1))
    strong = write_csv(tmp_path / "strong.csv", movement(50, strength=10))
    weak_token, strong_token = (tokens[0, 1::2] for tokens in sensor.tokens([weak, strong]))
    assert strong_token.mean() > 3 * weak_token.mean()  # the maxima


def test_parquet_column_order_and_further_columns_change_nothing(
    sensor: Any, tmp_path: Path
) -> None:
    values = movement(60).astype(np.float32)
    columns = dict(zip(CHANNELS, values.T, strict=True))
    plain = write_csv(tmp_path / "plain.csv", values)
    reordered = write_csv(
        tmp_path / "reordered.csv",
        np.column_stack([np.arange(60), values[:, ::-1]]),
        header=("time", *CHANNELS[::-1]),
    )
    table = pyarrow.table({**columns, "label": ["walking"] * 60})
    pyarrow.parquet.write_table(table, tmp_path / "plain.parquet")
    known = torch.cat(sensor.tokens([plain]))
    for path in (reordered, tmp_path / "plain.parquet"):
        torch.testing.assert_close(torch.cat(sensor.tokens([path])), known)


def test_a_series_shorter_than_a_window_names_both_lengths(sensor: Any, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "short.csv", movement(49))
    with pytest.raises(UnusableInput, match=r"49 steps \(4\.9 s\).* 50 steps \(5 s\)"):
        sensor.tokens([path])


def test_header_alone_is_too_short(sensor: Any, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="0 steps"):
        sensor.tokens([write_csv(tmp_path / "header.csv", [])])


def test_options_of_reading_at_their_defaults_leave_stored_features_valid(sensor: Any) -> None:
    """The fingerprints are those of the first release, before these options existed."""
    for options in ({}, {"units": {}, "missing": "refuse", "max_gap_s": 1.0}):
        encoder, transform = sensor.build(options)
        assert encoder.fingerprint.startswith("3f513a978329c501")
        assert transform.fingerprint.startswith("63af831dc598774b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_rate": 10}, "did you mean 'sample_rate_hz'"),
        ({"model": "minirocket"}, r"expected rocket, a folder \(./name\)"),
        ({"adapter": "./lora"}, "adapter is no option of model 'rocket'"),
        ({"channels": []}, "one or more different"),
        ({"channels": ["a", "a"]}, "one or more different"),
        ({"window_s": 1}, "10 steps; expected at least 11"),
        ({"hop_s": 6}, "expected 1 to 50"),
        ({"hop_s": 0.01}, "expected 1 to 50"),
        ({"sample_rate_hz": float("nan")}, "sample_rate_hz is nan"),
        ({"kernels": 0}, "kernels is 0"),
        ({"kernels": 10**12}, "kernels is 1000000000000"),
        ({"kernels": 90_000, "channels": [str(n) for n in range(60)]}, "for 60 channels"),
        ({"window_s": 1e12, "hop_s": 1.0}, "window_s is 1"),
        ({"window_s": 9e8, "sample_rate_hz": 9e8}, "steps"),
        ({"sample_rate_hz": 1e300, "window_s": 1e300}, "sample_rate_hz is 1e"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_wrong_options_are_refused(sensor: Any, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        sensor.build(options)
