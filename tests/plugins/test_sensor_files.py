"""Files as people have them: odd headers, odd cells, cut off, or not what their suffix says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from spaner_core import UnusableInput

from tests.plugins.series_files import ROWS, STEPS, VALUES, Reader, write


@pytest.fixture
def reader(load: Callable[[str], Any]) -> Reader:
    return Reader(load("sensor"))


@pytest.mark.parametrize(
    "header",
    [
        "a,b",
        "\ufeffa,b",
        '"a","b"',
        " a , b ",
        "A,B",
        "a [m/s2],b (g)",
        "a (m/s²) , B[g]",
        '"a [m/s^2]","b"',
    ],
)
def test_headers_that_mean_the_channels_are_read(
    reader: Reader, tmp_path: Path, header: str
) -> None:
    path = write(tmp_path / "named.csv", header)
    read = reader.read(path, units={"a": "m/s2", "b": "g"})
    np.testing.assert_array_equal(read, VALUES.astype(np.float32))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("a,c", r"2 columns \(a, c\); expected the 2 channels a, b, of which b are missing"),
        ("a,a", r"'a' more than once \(.*a.*\); expected each column once"),
        ("a [g],b,a [m/s2]", "'a' more than once"),
        ("A,B,a,b,B", None),
        ("1.5,2", "first row holds 2 numbers .* add the line a, b .*, or save .* as .npy"),
        ("a [g],b", r"channel a in 'g' \(a \[g\]\); expected 'm/s2', as the option `units`"),
        ("a b", r"1 columns \(a b\)"),
        ('"a\nb",c', r"2 columns \(a b, c\)"),
    ],
)
def test_headers_are_matched_or_refused_with_what_was_seen(
    reader: Reader, tmp_path: Path, header: str, message: str | None
) -> None:
    more = header.count(",") - 1
    path = write(tmp_path / "named.csv", header, [f"9,{row}" for row in ROWS] if more else ROWS)
    if message is None:
        write(path, header, [f"9,9,{row},9" for row in ROWS])
        np.testing.assert_array_equal(reader.read(path), VALUES.astype(np.float32))
        return
    with pytest.raises(UnusableInput, match=message):
        reader.transform(units={"a": "m/s2"}).check_header(path)


@pytest.mark.parametrize(("name", "mark"), [("t.tsv", "\t"), ("s.csv", ";"), ("t.csv", "\t")])
def test_the_delimiter_is_the_one_that_finds_the_channels(
    reader: Reader, tmp_path: Path, name: str, mark: str
) -> None:
    rows = [row.replace(",", mark) + f"{mark}x,y" for row in ROWS]
    path = write(tmp_path / name, mark.join(["a", "b", "note"]), rows)
    np.testing.assert_array_equal(reader.read(path), VALUES.astype(np.float32))


@pytest.mark.parametrize(
    ("first", "mark"), [("sep=;", ";"), ("SEP=,", ","), ('"sep=|"', "|"), ("sep=\t", "\t")]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_first_line_may_name_the_delimiter(
    reader: Reader, tmp_path: Path, first: str, mark: str, end: str
) -> None:
    path = tmp_path / "sheet.csv"
    rows = [row.replace(",", mark) for row in ROWS]
    path.write_bytes(end.join([first, mark.join("ab"), *rows, ""]).encode("utf-8-sig"))
    reader.transform().check_header(path)
    np.testing.assert_array_equal(reader.read(path), VALUES.astype(np.float32))
    path.write_bytes(end.join([first, mark.join("ab"), *rows, f"x{mark}1", ""]).encode())
    with pytest.raises(
        UnusableInput, match=rf"'x' in row {len(ROWS) + 1} \(line {len(ROWS) + 3}\)"
    ):
        reader.read(path)


def test_line_ends_and_blank_lines_of_any_kind_are_read(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    for end in ("\n", "\r\n", "\r"):
        path.write_bytes(end.join(["", "a,b", *ROWS, "", "  ", ""]).encode())
        np.testing.assert_array_equal(reader.read(path), VALUES.astype(np.float32))


def test_a_header_in_latin_1_names_its_channels(reader: Reader, tmp_path: Path) -> None:
    path = write(tmp_path / "grad.csv", "Wärme (°C),b", encoding="latin-1")
    read = reader.read(path, channels=["Wärme", "b"], units={"Wärme": "°C"})
    np.testing.assert_array_equal(read, VALUES.astype(np.float32))


@pytest.mark.parametrize("name", ["with space.csv", "new\nline.csv", "🎈.csv", "bad\udcff.csv"])
def test_any_name_of_a_file_is_read(reader: Reader, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, "a,b")
    np.testing.assert_array_equal(reader.read(path), VALUES.astype(np.float32))
    table = pyarrow.table({"a": VALUES[:, 0], "b": VALUES[:, 1]})
    with path.with_suffix(".parquet").open("wb") as file:
        pyarrow.parquet.write_table(table, file)
    np.save(path.with_suffix(".npy"), VALUES)
    for suffix in (".parquet", ".npy"):
        read = reader.read(path.with_suffix(suffix))
        np.testing.assert_array_equal(read, VALUES.astype(np.float32))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("off", r"channel b holds 'off' in row 7 \(line 8\); expected a number"),
        ('"1,5"', r"channel b holds '1,5' in row 7 \(line 8\), a decimal comma"),
        ("1.5 g", "channel b holds '1.5 g' in row 7"),
        ("true", "channel b holds 'true' in row 7"),
        ("inf", r"channel b holds inf in row 7 \(line 8\); expected a finite number"),
        ("-1e308", r"channel b holds -1e\+308 in row 7 \(line 8\)"),
        ("1e999", "channel b holds inf in row 7"),
        ("", r"channel b has no value in row 7 \(line 8\), the first of 1 missing values"),
        ("NaN", "channel b has no value in row 7"),
        ("1,2", r"row 7 has 3 cells \(line 8\); expected 2 as in the header"),
        ("1,2,3", r"row 7 has 4 cells, as decimal commas would make \(line 8\)"),
    ],
)
def test_the_first_bad_cell_is_named_with_its_line(
    reader: Reader, tmp_path: Path, cell: str, message: str
) -> None:
    rows = [*ROWS[:6], f"0,{cell}", *ROWS[7:]]
    path = write(tmp_path / "cell.csv", "a,b", rows)
    with pytest.raises(UnusableInput, match=message):
        reader.transform().decode(path)


def test_a_column_of_true_and_false_is_one_of_ones_and_zeros(
    reader: Reader, tmp_path: Path
) -> None:
    path = write(tmp_path / "door.csv", "a,b", [f"{step}, True" for step in range(STEPS)])
    np.testing.assert_array_equal(reader.read(path)[:, 1], 1)
    open_ = pyarrow.array([False] * STEPS)
    table = pyarrow.table({"a": np.arange(STEPS, dtype=np.int16), "b": open_})
    pyarrow.parquet.write_table(table, tmp_path / "door.parquet")
    np.testing.assert_array_equal(reader.read(tmp_path / "door.parquet")[:, 1], 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"a,b\n", "0 steps"),
        (b"a,b\n1,2\n", "1 steps"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16 or no text"),
        (b"a" * 2_000_000, "first line has more than"),
        (b'a,b\n"1,2\n' + b"1,2\n" * 50_000, "field larger than|cells"),
    ],
)
def test_text_files_without_a_series_are_refused(
    reader: Reader, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "odd.csv").write_bytes(content)
    with pytest.raises(UnusableInput, match=message):
        reader.transform().decode(tmp_path / "odd.csv")


def test_pipes_and_folders_are_refused_at_once(reader: Reader, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.npy").mkdir()
    for name in ("pipe.csv", "folder.npy", "missing.parquet", "x" * 300 + ".csv", "nul\0.csv"):
        for call in (reader.transform().decode, reader.transform().check_header):
            with pytest.raises(UnusableInput, match="correct the path"):
                call(tmp_path / name)
