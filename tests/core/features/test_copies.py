"""Inputs of the same content are found whatever they are called, and little is read for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from spaner_core.features import inputs
from spaner_core.features.inputs import find_copies


def write(folder: Path, **contents: str) -> dict[str, Path]:
    paths = {}
    for name, content in contents.items():
        paths[name] = folder / f"{name}.toy"
        paths[name].write_text(content, encoding="utf-8")
    return paths


def test_files_are_compared_by_content_and_texts_by_themselves(tmp_path: Path) -> None:
    files = write(tmp_path, first="1 2 3", second="4 5 6", copy="4 5 6", alike="7 8 9")
    among = [files["first"], "a text", files["second"], files["second"]]
    sources = ["a text", "1 2 3", files["copy"], files["alike"], files["first"]]
    assert find_copies(sources, among) == {0: 1, 2: 2, 4: 0}
    assert find_copies(among, sources) == {0: 4, 1: 0, 2: 2, 3: 2}


def test_parts_of_a_file_are_inputs_of_their_own(tmp_path: Path) -> None:
    files = write(tmp_path, book="1 | 2", copy="1 | 2")
    pages = [files["book"].with_name(f"book.toy#page={number}") for number in (1, 2)]
    second = files["copy"].with_name("copy.toy#page=2")
    assert find_copies([second], pages) == {0: 1}


def test_what_cannot_be_read_is_a_copy_of_itself_alone(tmp_path: Path) -> None:
    gone, other = tmp_path / "gone.toy", tmp_path / "other.toy"
    assert find_copies([gone, tmp_path], [other, gone]) == {0: 1}


def test_files_of_other_sizes_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = write(tmp_path, short="1", long="1 2 3", longer="1 2 3 4 5", same="4")
    read: list[Path | str] = []
    key_inputs = inputs.key_inputs

    def noting(given: list[Path | str]) -> object:
        read.extend(given)
        return key_inputs(given)

    monkeypatch.setattr(inputs, "key_inputs", noting)
    assert find_copies([files["short"], files["long"]], [files["longer"], files["same"]]) == {}
    assert set(read) == {files["short"], files["same"]}
