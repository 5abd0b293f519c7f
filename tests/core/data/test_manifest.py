from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.data.manifest import Manifest, Row, read_manifest
from spaner_core.errors import DataError

COLUMNS = ("id", "modality", "input", "concept", "item", "split", "place")
RECORDS = (
    ("a1", "picture", "pictures/a.png", "cat", "7", "train", "Zürich"),
    ("", "caption", 'a cat, "sitting"\non a mat', "cat", "", "train", ""),
    ("a1", "picture", "pictures/a.png", "animal", "7", "train", "Zürich"),
    ("b", "picture", "pictures/b.png", "", "9", "test", "Bern"),
)


def write_csv(path: Path, columns: tuple[str, ...], records: tuple[tuple[str, ...], ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *records])
    return path


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


def write_text(tmp_path: Path, text: str, *, name: str = "m.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(("first", "mark"), [("sep=;", ";"), ('"SEP=|"', "|"), ("sep=,", ",")])
def test_a_first_line_may_name_the_delimiter(tmp_path: Path, first: str, mark: str) -> None:
    rows = [["modality", "input", "concept"], ["text", f"a{mark}b", "c"], ["text", "d"]]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=mark).writerows(rows[:2])
    path = write_text(tmp_path, f"{first}\r\n{buffer.getvalue()}")
    (row,) = read_manifest(path).rows
    assert (row.input, row.concept, row.line) == (f"a{mark}b", "c", 3)
    csv.writer(buffer, delimiter=mark).writerows(rows[2:])
    (problem,) = problems(write_text(tmp_path, f"{first}\r\n{buffer.getvalue()}"))
    assert ":4: got 2 cells" in problem


def problems(path: Path) -> list[str]:
    with pytest.raises(DataError) as caught:
        read_manifest(path)
    return [line.removeprefix(str(path)) for line in str(caught.value).split("\n")]


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
        (note or None, modality, given, unicodedata.normalize("NFC", concept))
        for note, modality, given, concept in records
    ]
    for suffix, write in WRITERS.items():
        rows = read_manifest(write(folder / f"m{suffix}", columns, tuple(records))).rows
        found = [(r.metadata.get("note"), r.modality, r.input, r.concept) for r in rows]
        assert found == expected, suffix


def test_select_modalities_and_splits(tmp_path: Path) -> None:
    manifest = read_manifest(write_csv(tmp_path / "m.csv", COLUMNS, RECORDS))
    assert isinstance(manifest, Manifest)
    assert manifest.modalities == ("picture", "caption")
    assert manifest.splits == ("train", "test")
    assert manifest.select() == manifest.rows
    assert [row.id for row in manifest.select("picture")] == ["a1", "a1", "b"]
    assert [row.id for row in manifest.select("picture", "test")] == ["b"]
    assert [row.modality for row in manifest.select(split="train")][1] == "caption"
    assert manifest.select("smell") == ()
    assert len({*manifest.rows, *manifest.rows}) == 4  # rows can be members of a set


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


def test_one_id_for_two_inputs_names_both_lines(tmp_path: Path) -> None:
    text = "id,modality,input,item\nx,picture,a.png,1\ny,picture,c.png,1\nx,caption,a.png,1\n"
    (problem,) = problems(write_text(tmp_path, text))
    assert problem.startswith(":4: got the id 'x' for another input than in line 2; expected")


def test_a_row_of_which_nothing_is_known_is_kept(tmp_path: Path) -> None:
    row = read_manifest(write_text(tmp_path, "modality,input,concept,item\ncaption,a,,\n")).rows[0]
    assert (row.concept, row.item) == (None, None)


def test_all_problems_come_together_in_order_and_only_ten_in_full(tmp_path: Path) -> None:
    rows = ["caption,,cat,", "caption,a,,", "caption,a,cat", "caption,a,cat,,x", " , \t,cat,"]
    found = problems(write_text(tmp_path, "\n".join(["modality,input,concept,item", *rows])))
    assert found == [
        ":2: input is empty; expected a value; fill it in",
        ":4: got 3 cells; expected 4 as in the header; quote a cell that holds a comma",
        ":5: got 5 cells; expected 4 as in the header; quote a cell that holds a comma",
        ":6: modality is empty; expected a value; fill it in",
        ":6: input is empty; expected a value; fill it in",
    ]
    many = "modality,input,concept\n" + "caption,,cat\n" * 14
    found = problems(write_text(tmp_path, many))
    assert len(found) == 11
    assert found[9].startswith(":11: ")
    assert found[10] == ": and 4 more problems"
    eleven = "modality,input,concept\n" + "caption,,cat\n" * 10
    assert found[:10] == problems(write_text(tmp_path, eleven))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.csv", "", ": got an empty file; expected rows; write one row a sample"),
        ("m.csv", "\n \n", ": got no rows; "),
        ("m.csv", "modality,input,item\n", ": got no rows; expected one row a sample; add them"),
        ("m.jsonl", "\n\n", ": got no rows; "),
        ("m.csv", "modality,concept\na,b\n", ":1: got the columns 'modality', 'concept'; "
         "expected also 'input'; add or rename columns"),
        ("m.csv", "modality,input\na,b\n", ":1: got the columns 'modality', 'input'; expected "
         "also 'concept' or 'item'; add or rename columns"),
        ("m.csv", "modality;input;item\na;b;c\n", ":1: got the columns 'modality;input;item'; "
         "expected also 'modality' and 'input' and 'concept' or 'item'; separate columns with "
         "commas"),
        ("m.csv", "modality,input,item,item\na,b,c,d\n", ":1: got the column 'item' twice; "),
        ("m.csv", "modality,input,item,\na,b,c,d\n", ":1: got a column without a name; "),
        ("m.csv", 'modality,input,item\na,b,c\na,"b,c\na,b,c\n', ":3: unexpected end of data; "),
        ("m.csv", 'modality,input,item\na,"b"c,d\n', ":2: ',' expected after '\"'; "),
        ("m.jsonl", '{"modality": "a", "input": "b", "item": 1}\n{"modality": \n',
         ":2: Expecting value: line 1 column 14 (char 13); expected one JSON object a line; "),
        ("m.jsonl", '["a", "b"]\n', ":1: got a JSON list; expected one JSON object a line; "),
        ("m.jsonl", "[" * 100_000, ":1: "),
        ("m.jsonl", '{"modality": "a", "modality": "b"}', ":1: got a key twice; "),
        ("m.jsonl", '{"modality": "a", "input": ["b"], "item": 1}', ":1: input: got a list; "),
        ("m.jsonl", '{"modality": "a", "input": "\\ud800", "item": 1}', ":1: input: "),
        ("m.jsonl", '{"modality": "a", "item": 1}', ":1: got the columns 'modality', 'item'; "),
        ("m.parquet", "modality,input\n", ": cannot be read as Parquet ("),
        ("m.xlsx", "x", ": got the suffix '.xlsx'; expected one of .csv, .jsonl, .ndjson, "),
        ("manifest", "x", ": got the suffix ''; "),
    ],
)  # fmt: skip
def test_a_wrong_file_gets_one_clear_line(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (problem,) = problems(write_text(tmp_path, content, name=name))
    assert problem.startswith(message)
    assert problem.count("; ") >= 2


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl"])
def test_another_encoding_is_named_with_its_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes("modality,input,item\ncaption,Zürich,1\n".encode("latin-1"))
    (problem,) = problems(path)
    assert problem.startswith(":2: got byte 0xfc, which is not UTF-8; expected UTF-8; ")
    path.write_bytes("modality,input,item\n".encode("utf-16"))
    assert problems(path)[0].startswith(":1: got byte 0xff, ")


@pytest.mark.parametrize(
    "late",
    [
        pa.array([10**12], pa.timestamp("s")),
        pa.array([10**18], pa.timestamp("us", "UTC")),
        pa.array([10**7], pa.int32()).cast(pa.date32()),
    ],
    ids=lambda late: str(late.type),
)
def test_dates_beyond_the_year_9999_are_named_by_their_column(
    tmp_path: Path, late: pa.Array
) -> None:
    names = {name: pa.array(["x"]) for name in ("modality", "input", "concept")}
    pq.write_table(pa.table({**names, "taken": late}), tmp_path / "m.parquet")
    (problem,) = problems(tmp_path / "m.parquet")
    assert "'taken'" in problem


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert problems(tmp_path / "m.csv") == [
        ": No such file or directory; expected a readable file; check the path"
    ]
    (tmp_path / "folder.csv").mkdir()
    assert problems(tmp_path / "folder.csv")[0].startswith(": got a folder; expected a file; ")
    assert problems(tmp_path)[0].startswith(": got a folder; ")


def test_reading_a_manifest_imports_no_torch() -> None:
    code = "import sys, spaner_core.data.manifest; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_rows_are_chosen_by_place_value_label_and_sample(tmp_path: Path) -> None:
    rows = read_manifest(write_csv(tmp_path / "m.csv", COLUMNS, RECORDS)).rows
    assert [row.line for row in rows[1:]] == [3, 5, 6]
    assert rows[-1] == rows[3]
    with pytest.raises(IndexError):
        rows[4]
    assert [row.line for row in rows.take([3, 0, 3])] == [6, 2, 6]
    assert [row.line for row in rows.having("concept", ["cat", None])] == [2, 3, 6]
    # of a sample with two rows the last, where the sample first appears
    assert [(row.id[:7], row.concept) for row in rows.samples] == [
        ("a1", "animal"),
        ("caption", "cat"),
        ("b", None),
    ]
    bare = write_csv(tmp_path / "bare.csv", COLUMNS, (("c", "picture", "c.png", "", "", "", ""),))
    assert not read_manifest(bare).rows.labelled
    assert rows.labelled == rows


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
