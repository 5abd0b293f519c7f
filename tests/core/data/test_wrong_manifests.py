"""Manifests that are wrong: each mistake one line that names its place."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spaner_core.data.manifest import read_manifest
from spaner_core.errors import DataError

from tests.core.data.manifest_files import write_text


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


def test_one_id_for_two_inputs_names_both_lines(tmp_path: Path) -> None:
    text = "id,modality,input,item\nx,picture,a.png,1\ny,picture,c.png,1\nx,caption,a.png,1\n"
    (problem,) = problems(write_text(tmp_path, text))
    assert problem.startswith(":4: got the id 'x' for another input than in line 2; expected")


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
