"""Files that did not change are not read again; whatever is kept of them, no result depends on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from spaner_core.features import hashes as module
from spaner_core.features.hashes import NAME, FileHashes
from spaner_core.features.inputs import KeyedInput, Stamp, hash_file, key_input, key_inputs


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are opened for their hash; a file is old at once."""
    names: list[str] = []

    def noting(path: Path) -> tuple[str, Stamp]:
        names.append(path.name)
        return hash_file(path)

    monkeypatch.setattr(module, "hash_file", noting)
    monkeypatch.setattr(module, "YOUNG_NS", -(10**15))
    return names


def keys(files: list[Path], store: Path, opened: list[str]) -> tuple[list[str], list[str]]:
    """Key files as another process would: return the keys, and the files that were read."""
    opened.clear()
    hashes = FileHashes(store)
    given = [
        found.key for found in key_inputs(files, hashes.hash_file) if isinstance(found, KeyedInput)
    ]
    hashes.save()
    return given, list(opened)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a.png", "b.png", os.fsdecode(b"caf\xe9.png"))]
    for path in paths:
        path.write_bytes(path.name.encode(errors="surrogateescape"))
    return paths


def test_files_are_read_once_and_again_where_they_changed(
    tmp_path: Path, files: list[Path], opened: list[str]
) -> None:
    store, expected = tmp_path / "store", [key_input(path).key for path in files]
    assert keys(files, store, opened) == (expected, [path.name for path in files])
    assert keys(files, store, opened) == (expected, [])
    times = files[0].stat()
    files[0].write_bytes(b"A.png")  # as long as before, and with the old time
    os.utime(files[0], ns=(times.st_atime_ns, times.st_mtime_ns))
    files[1].replace(files[2])
    changed = [key_input(path).key for path in (files[0], files[2])]
    assert changed == [changed[0], expected[1]]
    assert changed[0] != expected[0]
    found, read = keys([files[0], files[2]], store, opened)
    assert (found, read) == (changed, [files[0].name, files[2].name])
    assert keys([files[0], files[2]], store, opened) == (changed, [])


def test_a_file_that_has_just_changed_is_read_again(tmp_path: Path, files: list[Path]) -> None:
    hashes = FileHashes(tmp_path / "store")
    assert len(list(key_inputs(files, hashes.hash_file))) == 3
    hashes.save()
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("damage", [b"", b"x" * 100, None])
def test_a_damaged_file_counts_as_none_and_is_written_anew(
    tmp_path: Path, files: list[Path], opened: list[str], damage: bytes | None
) -> None:
    store = tmp_path / "store"
    expected, _ = keys(files, store, opened)
    content = bytearray((store / NAME).read_bytes())
    content[len(content) // 2] ^= 1
    (store / NAME).write_bytes(content if damage is None else damage)
    assert keys(files, store, opened) == (expected, [path.name for path in files])
    assert keys(files, store, opened) == (expected, [])


def test_what_two_processes_learn_is_kept_and_what_is_gone_is_dropped(
    tmp_path: Path, files: list[Path], opened: list[str]
) -> None:
    store = tmp_path / "store"
    first, second = FileHashes(store), FileHashes(store)
    list(key_inputs(files[:1], first.hash_file))
    list(key_inputs(files[1:], second.hash_file))
    first.save()
    second.save()
    assert keys(files, store, opened)[1] == []
    whole = (store / NAME).stat().st_size
    files[1].unlink()
    FileHashes(store).forget_gone()
    assert (store / NAME).stat().st_size < whole
    assert keys([files[0], files[2]], store, opened)[1] == []


def test_a_store_that_cannot_be_written_is_no_problem(
    tmp_path: Path, files: list[Path], opened: list[str]
) -> None:
    (tmp_path / "store").write_text("a file where the folder would be")
    expected = [key_input(path).key for path in files]
    assert keys(files, tmp_path / "store", opened)[0] == expected
