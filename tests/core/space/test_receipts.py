from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from spaner_core.errors import SpaceError
from spaner_core.space.receipts import (
    RECEIPT,
    find_parts,
    hash_file,
    hash_tree,
    read_receipt,
    render_receipt,
    verify,
)

from tests.core import stored

PARTS = ("prompt", "aligners/first", "aligners/second", "aligners/third")
FILES = tuple(
    f"{part}/{name}"
    for part in PARTS
    for name in ("config.json", "model.safetensors", "receipt.json", "README.md")
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space of two modalities trained together and a third attached."""
    folder = tmp_path_factory.mktemp("runs") / "space"
    stored.save(folder)
    stored.attach(folder)
    return folder


@pytest.fixture
def space(trained: Path, tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(trained, tmp_path / "copy")
    yield tmp_path / "copy"
    shutil.rmtree(tmp_path / "copy")


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_fresh_space_verifies_and_consists_of_these_files(trained: Path) -> None:
    assert verify(trained) == []
    assert sorted(hash_tree(trained)) == sorted(FILES)
    assert tuple(find_parts(trained)) == PARTS


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_is_found_in_every_file(space: Path, name: str) -> None:
    path = space / name
    size = path.stat().st_size
    for place in (0, size // 3, size // 2, size - 1):
        flip(path, place)
        problems = verify(space)
        assert any(name in problem for problem in problems)
        assert all("\n" not in problem for problem in problems)
        flip(path, place)
    assert verify(space) == []


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_found(space: Path, name: str) -> None:
    (space / name).unlink()
    assert any(name in problem and "missing" in problem for problem in verify(space))


@pytest.mark.parametrize(
    "name", ["notes.txt", "prompt/extra.bin", "aligners/first/.hidden", "aligners/x/config.json"]
)
def test_an_added_file_is_found(space: Path, name: str) -> None:
    (space / name).parent.mkdir(exist_ok=True)
    (space / name).write_text("{}", encoding="utf-8")
    assert any(problem.startswith(f"{name}: in no receipt") for problem in verify(space))


def test_a_removed_part_that_was_trained_with_others_is_found(space: Path) -> None:
    shutil.rmtree(space / "aligners/first")
    assert any("aligners/first/model.safetensors: missing" in p for p in verify(space))


def test_a_receipt_that_was_kept_finds_who_rewrote_weight_and_receipts(
    space: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    shutil.copy(space / "aligners/third" / RECEIPT, kept)
    assert verify(space, kept=kept) == []
    flip(space / "aligners/first/model.safetensors", -1)
    forged = hash_file(space / "aligners/first/model.safetensors")
    true = json.loads(kept.read_text())["others_after"]["aligners/first/model.safetensors"]
    for part in PARTS:
        path = space / part / RECEIPT
        _forge(path, path.read_text(encoding="utf-8").replace(true, forged))
    # receipts list earlier receipts, so those hashes are forged too
    third = space / "aligners/third" / RECEIPT
    body = json.loads(third.read_text(encoding="utf-8"))
    for when in ("others_before", "others_after"):
        body[when] = {name: hash_file(space / name) for name in body[when]}
    _forge(third, json.dumps(body))
    assert verify(space) == []
    problems = verify(space, kept=kept)
    assert any(p.startswith("aligners/first/model.safetensors: changed") for p in problems)
    assert any(str(kept) in p for p in problems)


def _forge(path: Path, text: str) -> None:
    body = json.loads(text)
    body.pop("checksum")
    checksum = hashlib.sha256(json.dumps(body, indent=2, sort_keys=True).encode()).hexdigest()
    whole = json.dumps({**body, "checksum": checksum}, indent=2, sort_keys=True) + "\n"
    path.write_text(whole, encoding="utf-8")


def test_a_kept_receipt_that_is_missing_or_no_receipt_is_told(space: Path, tmp_path: Path) -> None:
    assert any("missing" in p for p in verify(space, kept=tmp_path / "nowhere.json"))
    (tmp_path / "kept.json").write_text("{}", encoding="utf-8")
    assert any("kept.json" in p for p in verify(space, kept=tmp_path / "kept.json"))


def test_the_receipt_of_attaching_lists_the_whole_space_before_and_after(trained: Path) -> None:
    receipt = read_receipt(trained / "aligners/third" / RECEIPT)
    others = {name for name in FILES if not name.startswith("aligners/third/")}
    assert set(receipt["others_before"]) == set(receipt["others_after"]) == others
    assert receipt["others_before"] == receipt["others_after"]
    assert receipt["others_unchanged"]
    assert set(receipt["own"]) == {"config.json", "model.safetensors", "README.md"}
    for name, value in receipt["own"].items():
        data = (trained / "aligners/third" / name).read_bytes()
        assert value == hashlib.sha256(data).hexdigest()


def test_a_receipt_says_when_its_training_changed_something(space: Path) -> None:
    body = read_receipt(space / "aligners/third" / RECEIPT)
    before = {**body["others_before"], "prompt/model.safetensors": "0" * 64}
    text = render_receipt(
        "aligners/third", own=body["own"], before=before, after=body["others_after"], replaced={}
    )
    (space / "aligners/third" / RECEIPT).write_text(text, encoding="utf-8")
    assert any("changed files of the space" in problem for problem in verify(space))


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "{}", '{"checksum": 3}', "\x00"])
def test_what_is_no_receipt_is_not_read_as_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / RECEIPT
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpaceError, match="changed after it was written"):
        read_receipt(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("part", 3),
        ("own", {"config.json": ["x"]}),
        ("others_before", ["prompt/config.json"]),
        ("replaced", {"config.json": [["x"]]}),
        ("replaced", {"config.json": [{}]}),
        ("others_unchanged", 0),
    ],
)
def test_a_receipt_whose_checksum_holds_may_still_be_none(
    space: Path, key: str, value: object
) -> None:
    path = space / "aligners/third" / RECEIPT
    _forge(path, json.dumps({**json.loads(path.read_text(encoding="utf-8")), key: value}))
    assert any(str(path) in problem for problem in verify(space))
    with pytest.raises(SpaceError, match="is no receipt"):
        read_receipt(path)


def test_names_that_no_file_has_in_a_receipt_are_told_as_missing(space: Path) -> None:
    path = space / "aligners/third" / RECEIPT
    body = json.loads(path.read_text(encoding="utf-8"))
    _forge(path, json.dumps({**body, "own": {**body["own"], "\udc80\0": "x"}}))
    assert any("\udc80\0: missing" in problem for problem in verify(space))


def test_a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(space: Path) -> None:
    shutil.rmtree(space / "aligners")
    (space / "aligners").symlink_to("aligners")
    with pytest.raises(SpaceError, match="aligners cannot be read"):
        stored.load(space)
    with pytest.raises(SpaceError, match="aligners cannot be read"):
        verify(space)


def test_links_in_a_space_are_told(tmp_path: Path) -> None:
    stored.save(tmp_path / "space")
    (tmp_path / "space/loop").symlink_to(tmp_path)
    (tmp_path / "space/dangling").symlink_to(tmp_path / "nowhere")
    problems = verify(tmp_path / "space")
    assert [problem.split(":")[0] for problem in problems] == ["dangling", "loop"]


@pytest.mark.parametrize("content", ["{}", "[]", "3", "modality,input"])
def test_what_is_no_receipt_is_told_in_one_line(tmp_path: Path, content: str) -> None:
    stored.save(tmp_path / "space")
    (tmp_path / "kept.json").write_text(content, encoding="utf-8")
    (problem,) = verify(tmp_path / "space", kept=tmp_path / "kept.json")
    assert "is no receipt" in problem
