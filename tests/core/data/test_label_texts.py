from __future__ import annotations

import csv
from pathlib import Path

import pytest
from spaner_core.data.label_texts import complete_label_texts, read_label_texts
from spaner_core.errors import DataError


def write(folder: Path, text: str, *, encoding: str = "utf-8") -> Path:
    path = folder / "labels.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_several_texts_of_a_concept_add_up_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, "concept,text\nseven,seven\nzwei,two\nseven,sieben\n")
    assert read_label_texts(path) == {"seven": ("seven", "sieben"), "zwei": ("two",)}


def test_column_order_further_columns_blanks_and_quotes_do_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path, 'text,note,concept\n" a, b ",x, one \n')
    assert read_label_texts(path) == {"one": ("a, b",)}


def test_a_file_from_a_spreadsheet_with_its_mark_reads_as_any_other(tmp_path: Path) -> None:
    path = write(tmp_path, "concept,text\nsept,sept à\n", encoding="utf-8-sig")
    assert read_label_texts(path) == {"sept": ("sept à",)}


def test_a_concept_may_be_described_at_any_length(tmp_path: Path) -> None:
    text, limit = "word " * 30_000, csv.field_size_limit()
    assert read_label_texts(write(tmp_path, f"concept,text\na,{text}\n")) == {"a": (text.strip(),)}
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("concept,name\na,b\n", "labels.csv:1: has the columns concept, name"),
        ("", "labels.csv:1: has the columns none"),
        ("concept,text\na,b\n,c\n", "labels.csv:3: concept or text is empty"),
        ("concept,text\na,  \n", "labels.csv:2: concept or text is empty"),
        ("concept,text\na\n", "labels.csv:2: concept or text is empty"),
        ('concept,text\na,"b\n', "labels.csv: cannot be read"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_label_texts(write(tmp_path, text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_another_encoding_are_told_apart_from_a_bug(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="UTF-8"):
        read_label_texts(write(tmp_path, "concept,text\na,ä\n", encoding="latin-1"))
    with pytest.raises(DataError, match="nowhere"):
        read_label_texts(tmp_path / "nowhere.csv")


def test_a_concept_without_texts_is_called_by_its_own_name() -> None:
    given = {"b": ("two", "zwei"), "d": ("four",)}
    assert complete_label_texts(["c", "b", "a", "c"], given) == {
        "a": ("a",),
        "b": ("two", "zwei"),
        "c": ("c",),
        "d": ("four",),
    }
    assert list(complete_label_texts(["c", "a"], given)) == ["a", "b", "c", "d"]
    assert complete_label_texts([], {}) == {}
