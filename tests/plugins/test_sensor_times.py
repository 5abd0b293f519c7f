"""Times, rates and gaps: what is resampled, what is filled, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from spaner_core import UnusableInput

START = datetime(2024, 5, 1, 12, tzinfo=UTC)
RATE = 10.0
LINE = np.arange(0, 4.01, 0.1)  # seconds; a channel that is its own time is read exactly


@pytest.fixture
def read(load: Callable[[str], Any]) -> Callable[..., NDArray[np.float32]]:
    """Read a file's only channel as (steps,), by default with times in column `t`."""
    sensor = load("sensor")

    def read(path: Path, **changed: object) -> NDArray[np.float32]:
        options = {"channels": ["x"], "window_s": 2.0, "kernels": 5, "time": "t", **changed}
        values: NDArray[np.float32] = sensor.build(options)[1].decode(path).values[0].numpy()
        return values

    return read


def write(path: Path, times: Iterable[object], values: Iterable[object]) -> Path:
    rows = [f"{time},{value}" for time, value in zip(times, values, strict=True)]
    path.write_text("\n".join(["t,x", *rows]))
    return path


def iso(seconds: Iterable[float], *, zone: str = "Z") -> list[str]:
    moments = (START + timedelta(seconds=second) for second in seconds)
    return [moment.isoformat().removesuffix("+00:00") + zone for moment in moments]


@pytest.mark.parametrize(
    "times",
    [
        LINE,
        LINE + 1.7e9,
        iso(LINE.tolist()),
        iso(LINE.tolist(), zone=""),
        iso(LINE.tolist(), zone="+02:00"),
    ],
    ids=["from zero", "since 1970", "UTC", "no zone", "a zone"],
)
def test_times_are_read_in_seconds_or_iso_8601(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path, times: Sequence[object]
) -> None:
    values = read(write(tmp_path / "line.csv", times, LINE))
    np.testing.assert_allclose(values, LINE, atol=1e-5)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "text", "float"])
def test_times_in_parquet_are_read_whatever_their_unit(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path, unit: str
) -> None:
    line = np.arange(5.0)
    moments = [START + timedelta(seconds=second) for second in line.tolist()]
    columns: dict[str, Any] = {"text": iso(line.tolist()), "float": line + 1.7e9}
    times = (
        columns.get(unit) if unit in columns else pyarrow.array(moments, pyarrow.timestamp(unit))
    )
    pyarrow.parquet.write_table(pyarrow.table({"t": times, "x": line}), tmp_path / "line.parquet")
    values = read(tmp_path / "line.parquet")
    np.testing.assert_allclose(values, np.arange(0, 4.01, 0.1), atol=1e-5)


def test_readings_at_another_rate_or_at_uneven_times_lie_on_straight_lines(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path
) -> None:
    uneven = np.array([0.0, 0.13, 0.9, 1.0, 1.55, 2.5, 2.51, 3.4, 3.7])
    for times in (np.arange(0, 3.71, 0.01), np.arange(0, 3.6, 0.5), uneven):
        values = read(write(tmp_path / "line.csv", times, 2 * times))
        steps = int(round(times[-1], 6) * RATE + 1e-6) + 1
        np.testing.assert_allclose(values, 0.2 * np.arange(steps), atol=1e-5)


def test_without_times_rows_are_steps(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path
) -> None:
    path = write(tmp_path / "line.csv", 7 * LINE, LINE)
    np.testing.assert_array_equal(read(path, time=None), LINE.astype(np.float32))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({5: 0.4}, r"row 6 \(line 7\) repeats the time of the row before it \(column 't'\)"),
        ({5: 0.3}, r"row 6 \(line 7\) is earlier than the row before it"),
        ({5: "noon"}, r"the time column 't' holds 'noon' in row 6 \(line 7\)"),
        ({5: ""}, "the time column 't' holds '' in row 6"),
        ({0: "noon"}, "the time column 't' holds 'noon' in row 1"),
        ({5: "nan"}, "the time column 't' holds 'nan' in row 6"),
        ({place: 0.1 * place + 1.5 for place in range(9, len(LINE))}, "1.6 s lie between row 9 "),
    ],
)
def test_times_that_do_not_rise_steadily_are_refused_with_their_row(
    read: Callable[..., NDArray[np.float32]],
    tmp_path: Path,
    rows: dict[int, object],
    message: str,
) -> None:
    times: list[object] = [round(time, 1) for time in LINE.tolist()]
    for place, time in rows.items():
        times[place] = time
    with pytest.raises(UnusableInput, match=message):
        read(write(tmp_path / "line.csv", times, LINE))


def test_milliseconds_taken_for_seconds_are_noticed(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path
) -> None:
    with pytest.raises(
        UnusableInput, match=r"100 s lie between row 1 .* give the times in seconds"
    ):
        read(write(tmp_path / "line.csv", 1000 * LINE, LINE))


def test_a_header_that_gives_times_in_milliseconds_is_refused(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path
) -> None:
    path = write(tmp_path / "line.csv", LINE, LINE)
    path.write_text(path.read_text().replace("t,", "t [ms],", 1))
    with pytest.raises(UnusableInput, match=r"times in 'ms' \(t \[ms\]\); expected seconds"):
        read(path)


def test_times_with_and_without_a_zone_are_not_mixed(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path
) -> None:
    times = [*iso(LINE.tolist()[:3]), *iso(LINE.tolist()[3:], zone="")]
    with pytest.raises(UnusableInput, match=r"zone in some rows and none in others .*row 4"):
        read(write(tmp_path / "line.csv", times, LINE))


def test_an_array_has_no_column_of_times(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path
) -> None:
    np.save(tmp_path / "line.npy", LINE)
    with pytest.raises(UnusableInput, match="has no column 't'"):
        read(tmp_path / "line.npy")
    np.testing.assert_array_equal(read(tmp_path / "line.npy", time=None), LINE.astype(np.float32))


def test_a_gap_in_parquet_times_is_named(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path
) -> None:
    table = pyarrow.table({"t": [0.0, None, 2.0], "x": [0.0, 1.0, 2.0]})
    pyarrow.parquet.write_table(table, tmp_path / "gap.parquet")
    with pytest.raises(UnusableInput, match="the time column 't' has no value in row 2"):
        read(tmp_path / "gap.parquet")


@pytest.mark.parametrize("word", ["", "nan", "NA", " null "])
def test_gaps_are_filled_by_straight_lines_where_that_is_asked_for(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path, word: str
) -> None:
    values: list[object] = list(LINE)
    values[5:9] = [word] * 4
    for time in ("t", None):
        path = write(tmp_path / "gap.csv", LINE, values)
        read_ = read(path, time=time, missing="interpolate")
        np.testing.assert_allclose(read_, LINE, atol=1e-5)
        with pytest.raises(UnusableInput, match=r"no value in row 6 .*, the first of 4 missing"):
            read(path, time=time)


def test_gaps_in_arrays_and_parquet_are_filled_too(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path
) -> None:
    gapped = np.where(np.arange(len(LINE)) == 7, np.nan, LINE)
    np.save(tmp_path / "gap.npy", gapped)
    nulls = pyarrow.array(gapped, from_pandas=True)
    pyarrow.parquet.write_table(pyarrow.table({"x": nulls}), tmp_path / "gap.parquet")
    for name in ("gap.npy", "gap.parquet"):
        values = read(tmp_path / name, time=None, missing="interpolate")
        np.testing.assert_allclose(values, LINE, atol=1e-5)


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (range(0, 2), r"no value in row 1 \(line 2\), where the series begins"),
        (range(38, 41), r"no value in row 39 \(line 40\), where the series ends"),
        (range(41), "where the series begins"),
        (range(5, 15), r"no value for 1\.1 s from row 6 \(line 7\); expected gaps of at most 1 s"),
    ],
)
def test_nothing_is_made_up_at_the_ends_or_over_long_gaps(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path, places: range, message: str
) -> None:
    values = ["" if place in places else LINE[place] for place in range(len(LINE))]
    with pytest.raises(UnusableInput, match=message):
        read(write(tmp_path / "gap.csv", LINE, values), missing="interpolate")


def test_a_longer_gap_is_bridged_where_the_user_says_so(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path
) -> None:
    times = [0.0, 0.1, 3.0, 3.1]
    values = read(write(tmp_path / "gap.csv", times, times), max_gap_s=3.0)
    np.testing.assert_allclose(values, np.arange(32) / 10, atol=1e-5)


def test_a_series_too_long_to_hold_is_refused(
    read: Callable[..., NDArray[np.float32]], tmp_path: Path
) -> None:
    path = write(tmp_path / "long.csv", [0, 1e9], [0, 1])
    with pytest.raises(UnusableInput, match=r"1e\+09 s, 10000000000 steps at 10 Hz"):
        read(path, max_gap_s=1e10)
