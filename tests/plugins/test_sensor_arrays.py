"""Parquet files and NumPy arrays of series: odd kinds read or refused by their header."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from spaner_core import UnusableInput

from tests.plugins.series_files import STEPS, VALUES, Reader, write


@pytest.fixture
def reader(load: Callable[[str], Any]) -> Reader:
    return Reader(load("sensor"))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["1.5"] * STEPS, "column 'b' is of type string; expected numbers"),
        ([[1.0]] * STEPS, "column 'b' is of type list<"),
        ([{"x": 1.0}] * STEPS, "column 'b' is of type struct<"),
    ],
)
def test_parquet_columns_that_hold_no_numbers_are_named(
    reader: Reader, tmp_path: Path, column: list[object], message: str
) -> None:
    table = pyarrow.table({"a": VALUES[:, 0], "b": column})
    pyarrow.parquet.write_table(table, tmp_path / "odd.parquet")
    with pytest.raises(UnusableInput, match=message):
        reader.transform().check_header(tmp_path / "odd.parquet")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (VALUES.astype(object), "cannot be read"),
        (VALUES.astype(complex), "dtype complex128; expected numbers"),
        (VALUES.astype("U6"), "dtype <U6; expected numbers"),
        (VALUES.T, r"shape \(2, 12\); expected \(steps, 2\).*; transpose it"),
        (VALUES[:, [0, 1, 1]], r"shape \(12, 3\); .* set the option `channels`"),
        (VALUES[:, 0], r"shape \(12,\); expected \(steps, 2\)"),
        (VALUES[None], r"shape \(1, 12, 2\)"),
        (VALUES[:0], "0 steps"),
        (VALUES[:5], "5 steps"),
        (np.float64(3), r"shape \(\)"),
    ],
)
def test_arrays_of_another_kind_are_refused_by_their_header(
    reader: Reader, tmp_path: Path, array: NDArray[Any], message: str
) -> None:
    np.save(tmp_path / "odd.npy", array, allow_pickle=True)
    with pytest.raises(UnusableInput, match=message):
        reader.transform().check_header(tmp_path / "odd.npy")


@pytest.mark.parametrize("kind", [">f4", "<i8", "f2", "F"])
def test_arrays_in_any_order_of_memory_are_read(reader: Reader, tmp_path: Path, kind: str) -> None:
    whole = np.round(100 * VALUES)
    array = np.asfortranarray(whole) if kind == "F" else whole.astype(kind)
    np.save(tmp_path / "array.npy", array)
    np.testing.assert_array_equal(reader.read(tmp_path / "array.npy"), whole.astype(np.float32))


@pytest.mark.parametrize("suffix", [".parquet", ".npy", ".csv"])
def test_files_cut_off_or_damaged_anywhere_are_read_or_refused(
    reader: Reader, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"whole{suffix}"
    if suffix == ".npy":
        np.save(path, VALUES)
    elif suffix == ".csv":
        write(path, "a,b")
    else:
        pyarrow.parquet.write_table(pyarrow.table({"a": VALUES[:, 0], "b": VALUES[:, 1]}), path)
    content, random = path.read_bytes(), np.random.RandomState(0)
    transform, refused = reader.transform(), 0
    for place in random.randint(len(content), size=150).tolist():
        flipped = bytes([content[place] ^ 1 << random.randint(8)])
        for damaged in (content[:place], content[:place] + flipped + content[place + 1 :]):
            path.write_bytes(damaged)
            refused += is_refused(lambda: transform.decode(path).values)
    assert refused > 100


def is_refused(read: Callable[[], Any]) -> bool:
    """Tell whether a reading is refused in one line; otherwise it must be of finite numbers."""
    try:
        values = read()
    except UnusableInput as error:
        return len(str(error).splitlines()) == 1
    assert values.isfinite().all()
    return False
