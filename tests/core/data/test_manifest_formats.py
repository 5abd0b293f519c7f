"""Every format and every habit of the tools that write it gives the same rows."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.data.manifest import Row, read_manifest

from tests.core.data.manifest_files import COLUMNS, RECORDS, write_csv, write_text


def write_json_lines(path: Path, columns: tuple[str, ...], records: tuple) -> Path:
    lines = [
        json.dumps({name: cell for name, cell in zip(columns, cells, strict=True) if cell})
        for cells in records
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_parquet(path: Path, columns: tuple[str, ...], records: tuple) -> Path:
    rows = [
        {name: cell or None for name, cell in zip(columns, cells, strict=True)} for cells in records
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


WRITERS = {
    ".csv": write_csv,
    ".jsonl": write_json_lines,
    ".ndjson": write_json_lines,
    ".parquet": write_parquet,
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    path = WRITERS[suffix](tmp_path / f"m{suffix}", COLUMNS, RECORDS)
    manifest = read_manifest(path)
    text = 'a cat, "sitting"\non a mat'
    picture = Row(
        id="a1",
        modality="picture",
        input="pictures/a.png",
        concept="cat",
        item="7",
        split="train",
        metadata={"place": "Zürich"},
        line=0,
    )
    assert [replace(row, line=0) for row in manifest.rows] == [
        picture,
        Row(
            id=f"caption-{hashlib.sha256(text.encode()).hexdigest()[:12]}",
            modality="caption",
            input=text,
            concept="cat",
            item=None,
            split="train",
            metadata={},
            line=0,
        ),
        replace(picture, concept="animal"),
        replace(
            picture,
            id="b",
            input="pictures/b.png",
            concept=None,
            item="9",
            split="test",
            metadata={"place": "Bern"},
        ),
    ]
    # a row starts after the header, and the caption takes two lines of the CSV file
    lines = {".csv": [2, 3, 5, 6]}.get(suffix, [1, 2, 3, 4])
    assert [row.line for row in manifest.rows] == lines


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_text_of_any_length_is_one_cell(tmp_path: Path, suffix: str) -> None:
    text, limit = "a long\nstory " * 20_000, csv.field_size_limit()
    record = ("", "caption", text, "cat", "", "", "x" * limit)
    (row,) = read_manifest(WRITERS[suffix](tmp_path / f"m{suffix}", COLUMNS, (record,))).rows
    assert (row.input, row.metadata["place"]) == (text.strip(), "x" * limit)
    assert csv.field_size_limit() == limit  # it is the whole process's, not ours


ANY = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1)
NAME = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(ANY, NAME, ANY, NAME)
        .map(lambda cells: tuple(cell.strip() for cell in cells))
        .filter(lambda cells: all(cells[1:])),
        min_size=1,
        max_size=5,
        unique_by=lambda cells: cells[2],
    )
)
def test_any_text_survives_every_format(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("m")
    columns = ("note", "modality", "input", "concept")
    expected = [
        (note or None, normalize("NFC", modality), given, normalize("NFC", concept))
        for note, modality, given, concept in records
    ]
    for suffix, write in WRITERS.items():
        rows = read_manifest(write(folder / f"m{suffix}", columns, tuple(records))).rows
        found = [(r.metadata.get("note"), r.modality, r.input, r.concept) for r in rows]
        assert found == expected, suffix


def test_spreadsheet_habits_are_read(tmp_path: Path) -> None:
    # byte order mark, CRLF, blanks around names and values, empty rows, upper-case suffix
    text = "\ufeffmodality, input ,concept,split\r\n caption , a cat ,cat,\t\r\n,,,\r\n\r\n"
    (row,) = read_manifest(write_text(tmp_path, text, name="M.CSV")).rows
    assert (row.modality, row.input, row.concept, row.split) == ("caption", "a cat", "cat", None)
    assert row.metadata == {}


def test_numbers_truth_values_and_nan_of_other_tools_become_text(tmp_path: Path) -> None:
    line = '{"modality": "caption", "input": 3, "concept": 0, "item": NaN, "x": true, "y": 0.5}'
    (row,) = read_manifest(write_text(tmp_path, line, name="m.jsonl")).rows
    assert (row.input, row.concept, row.item) == ("3", "0", None)
    assert row.metadata == {"x": "true", "y": "0.5"}
    table = pa.table(
        {
            "modality": pa.array(["caption"]).dictionary_encode(),
            "input": [3],
            "concept": [0],
            "item": [float("nan")],
            "x": [True],
            "y": [0.5],
        }
    )
    pq.write_table(table, tmp_path / "m.parquet")
    assert read_manifest(tmp_path / "m.parquet").rows == (row,)


def test_json_lines_keep_unusual_line_separators(tmp_path: Path) -> None:
    line = '{"modality": "caption", "input": "a\u2028b", "concept": "c"}\n'
    assert read_manifest(write_text(tmp_path, line, name="m.jsonl")).rows[0].input == "a\u2028b"


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_that_is_read_in_several_parts_is_one_table(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns that appear late, and a wrong cell, are found in whichever part they stand."""
    records = tuple(
        ("", "caption", f"text {n}", "cat", "", "", "here" if n == 6 else "") for n in range(7)
    )
    path = WRITERS[suffix](tmp_path / f"m{suffix}", COLUMNS, records)
    whole = read_manifest(path).rows
    monkeypatch.setattr("spaner_core.data.tables.ROWS_AT_ONCE", 2)
    assert read_manifest(path).rows == whole
    assert [row.metadata for row in whole] == [{}] * 6 + [{"place": "here"}]
