"""Names: refused where they would break a line or steer a terminal, composed, told apart."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spaner_core.data.label_texts import read_label_texts
from spaner_core.data.manifest import read_manifest
from spaner_core.data.names import compose_distinct, look_alikes, spell
from spaner_core.errors import DataError

BREAKS = ("\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029")
ROW = {"modality": "caption", "input": "a cat", "concept": "cat", "split": "train", "note": "x"}


def manifest_of(folder: Path, **changed: str) -> Path:
    path = folder / "m.jsonl"
    path.write_text(json.dumps(ROW | changed) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("column", ["modality", "concept", "item", "id", "split"])
@pytest.mark.parametrize("sign", BREAKS, ids=ascii)
def test_a_name_with_a_control_character_is_refused_with_its_place(
    tmp_path: Path, column: str, sign: str
) -> None:
    path = manifest_of(tmp_path, **{column: f"new{sign}error: fake"})
    with pytest.raises(DataError) as caught:
        read_manifest(path)
    said = str(caught.value)
    assert said.startswith(f"{path}:1: {column}: got 'new\\")
    assert said.count("; ") == 2
    assert sign not in said


@pytest.mark.parametrize("column", ["input", "note"])
@pytest.mark.parametrize("sign", BREAKS, ids=ascii)
def test_inputs_and_metadata_may_hold_what_names_may_not(
    tmp_path: Path, column: str, sign: str
) -> None:
    (row,) = read_manifest(manifest_of(tmp_path, **{column: f"a{sign}b"})).rows
    assert (row.input if column == "input" else row.metadata["note"]) == f"a{sign}b"


@pytest.mark.parametrize(
    "name", ["tai chi", "Zürich", "二 つ", "\u0645\u06cc\u200c\u0631", "a\u00a0b"]
)
def test_names_of_any_language_are_kept(tmp_path: Path, name: str) -> None:
    (row,) = read_manifest(manifest_of(tmp_path, concept=f" {name}\n")).rows
    assert row.concept == name


def test_a_concept_of_label_texts_is_refused_too_and_its_text_is_not(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text('concept,text\ncat,"a\ncat"\n', encoding="utf-8")
    assert read_label_texts(path) == {"cat": ("a\ncat",)}
    path.write_text('concept,text\n"new\nerror: fake",cat\n', encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_label_texts(path)
    assert "concept: got 'new\\nerror: fake'; expected no line break" in str(caught.value)
    assert "\n" not in str(caught.value)


APART, WHOLE = "Ku\u0308che ho\u0302\u0323i", "K\u00fcche h\u1ed9i"
"""One name in two Unicode forms; the second is composed."""


def write_row(folder: Path, suffix: str, row: dict[str, str]) -> Path:
    path = folder / f"m{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    elif suffix == ".csv":
        path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n", encoding="utf-8")
    else:
        path.write_text(json.dumps(row), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_names_are_composed_and_what_is_on_disk_or_said_is_not(tmp_path: Path, suffix: str) -> None:
    names = dict.fromkeys(("concept", "item", "split", "id"), APART)
    written = {"modality": "picture", "input": f"{APART}.png", "note": APART, **names}
    (row,) = read_manifest(write_row(tmp_path, suffix, written)).rows
    assert {row.concept, row.item, row.split, row.id} == {WHOLE}
    assert (row.input, row.metadata["note"]) == (f"{APART}.png", APART)


def test_label_texts_of_both_forms_are_those_of_one_concept(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"concept,text\n{APART},{APART}\n{WHOLE},kitchen\n", encoding="utf-8")
    assert read_label_texts(path) == {WHOLE: (WHOLE, "kitchen")}


def test_names_that_were_told_apart_stay_apart() -> None:
    other = "K\u00fcche ho\u0323\u0302i"  # a third way to write it
    assert compose_distinct([APART, "plain"]) == {APART: WHOLE, "plain": "plain"}
    assert compose_distinct([APART, WHOLE]) == {APART: APART, WHOLE: WHOLE}
    assert compose_distinct([APART, other]) == {APART: WHOLE, other: other}


@pytest.mark.parametrize(
    "other",
    [
        "Tai Chi",
        "tai  chi",
        "taichi",
        "tai\u00a0chi",
        "tai\u200b chi",
        "ta\u00adi chi",
        "\ufefftai chi",
    ],
    ids=ascii,
)
def test_names_that_look_alike_are_found_and_spelt_differently(other: str) -> None:
    assert look_alikes(["tai chi", other, "karate", "tae chi"]) == [
        tuple(sorted(["tai chi", other]))
    ]
    assert spell(other) != spell("tai chi")
    assert set(spell(other)) - set(other) <= set("\\'uxfeabd0123456789")


def test_names_in_two_forms_look_alike_and_so_does_one_that_shows_nothing() -> None:
    assert look_alikes([APART, WHOLE, "\u200b"]) == [("\u200b",), (APART, WHOLE)]
    assert (spell(APART).isascii(), spell(WHOLE)) == (True, repr(WHOLE))
    assert look_alikes(["x", "x\u00b2", "\u00e9", "e", "1 a", "2 a"]) == []
