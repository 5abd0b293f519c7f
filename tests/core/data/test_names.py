"""Names that would break a line, or steer a terminal, are refused where they are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spaner_core.data.labels import read_label_texts
from spaner_core.data.manifest import read_manifest
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
