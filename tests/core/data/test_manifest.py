"""Rows of a manifest: chosen by modality, split, place, label and sample."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from spaner_core.data.manifest import Manifest, read_manifest

from tests.core.data.manifest_files import COLUMNS, RECORDS, write_csv, write_text


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


def test_a_row_of_which_nothing_is_known_is_kept(tmp_path: Path) -> None:
    row = read_manifest(write_text(tmp_path, "modality,input,concept,item\ncaption,a,,\n")).rows[0]
    assert (row.concept, row.item) == (None, None)


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
