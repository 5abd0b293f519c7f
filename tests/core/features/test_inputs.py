from __future__ import annotations

import os
from pathlib import Path

import pytest
from spaner_core.contract.sources import check_ordinary, describe_source
from spaner_core.errors import UnusableInput
from spaner_core.features.inputs import key_input


def written(path: Path, content: str = "1 2 3") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_equal_files_have_one_key_wherever_they_stand_and_however_their_suffix_is_spelt(
    tmp_path: Path,
) -> None:
    paths = [written(tmp_path / name) for name in ("a.toy", "b.toy", "deep/a.toy", "c.TOY")]
    assert len({key_input(path).key for path in paths}) == 1


def test_content_suffix_and_part_each_make_another_key(tmp_path: Path) -> None:
    written(tmp_path / "b.toy")
    sources = [
        written(tmp_path / "a.toy"),
        written(tmp_path / "other.toy", "1 2 4"),
        written(tmp_path / "a.csv"),
        written(tmp_path / "bare"),
        tmp_path / "b.toy#page=1",
        tmp_path / "b.toy#page=2",
        "1 2 3",
    ]
    assert len({key_input(source).key for source in sources}) == len(sources)


def test_a_text_has_the_key_of_its_content_even_with_half_a_character() -> None:
    assert key_input("one").key == key_input("one").key
    texts = ["one", "One", "one ", "", "\ud800", "ö", "o\u0308"]
    assert len({key_input(text).key for text in texts}) == len(texts)


def test_a_number_sign_in_the_name_of_a_file_that_exists_names_no_part(tmp_path: Path) -> None:
    plain, signed = written(tmp_path / "a.toy"), written(tmp_path / "a#1.toy")
    assert key_input(signed).key == key_input(plain).key
    assert key_input(tmp_path / "a#1.toy#2").key == key_input(tmp_path / "a.toy#2").key


def test_a_part_of_a_file_that_changed_has_another_key(tmp_path: Path) -> None:
    path = written(tmp_path / "a.toy")
    before = key_input(tmp_path / "a.toy#page=3").key
    written(path, "4 5 6")
    assert key_input(tmp_path / "a.toy#page=3").key != before


@pytest.mark.parametrize("name", ["gone.toy", "gone.toy#page=1", "#1"])
def test_a_file_that_is_not_there_is_unusable(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnusableInput, match="no such file"):
        key_input(tmp_path / name)


def test_folders_pipes_and_impossible_names_are_unusable_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toy")
    (tmp_path / "folder.toy").mkdir()
    for name in ("pipe.toy", "folder.toy", "pipe.toy#1", "folder.toy#1", "nul\0.toy", "x" * 300):
        with pytest.raises(UnusableInput):
            key_input(tmp_path / name)
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(UnusableInput, match="no file can have this name"):
        check_ordinary(tmp_path / ("x" * 300))
    with pytest.raises(UnusableInput, match="a pipe"):
        check_ordinary(tmp_path / "pipe.toy")
    with pytest.raises(UnusableInput, match="a folder"):
        check_ordinary(tmp_path / "folder.toy")


@pytest.mark.parametrize("part", ["", "#page=1"])
def test_a_file_that_changes_after_its_key_was_taken_is_noticed(tmp_path: Path, part: str) -> None:
    path = written(tmp_path / "a.toy")
    given = key_input(tmp_path / f"a.toy{part}")
    given.check_unchanged()
    path.read_bytes()
    given.check_unchanged()
    before = path.stat()
    other = written(tmp_path / "other.toy")  # of the same size, with the same time
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    with pytest.raises(UnusableInput, match="changed while it was read"):
        given.check_unchanged()
    path.unlink()
    with pytest.raises(UnusableInput, match="changed while it was read"):
        given.check_unchanged()


def test_a_text_never_changes() -> None:
    key_input("one").check_unchanged()


def test_a_long_text_is_shortened_in_messages() -> None:
    assert len(describe_source("x" * 500)) < 70
    assert describe_source(Path("a/b.png")) == str(Path("a/b.png"))
