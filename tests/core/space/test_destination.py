"""What lies in a space's folder and is not of the space is never replaced, and named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from spaner_core.errors import OutputExists, SpaceError
from spaner_core.space.destination import check_attachable, check_output
from spaner_core.space.receipts import RECEIPT, verify

from tests.core import stored


def put_strangers_model(folder: Path) -> None:
    """Put a model of another program, whose files are called as a part's are, in a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"mine")
    (folder / "README.md").write_text("mine", encoding="utf-8")


FOREIGN: dict[str, Callable[[Path], object]] = {
    "notes.txt": lambda path: path.write_text("mine"),
    ".hidden": lambda path: path.write_text("mine"),
    "README.md": lambda path: path.write_text("mine"),
    "inputs": lambda path: (path.mkdir(), (path / "photo.png").write_bytes(b"mine")),
    "empty": lambda path: path.mkdir(),
    "link": lambda path: path.symlink_to(path.parent.parent),
    "prompt/notes.txt": lambda path: path.write_text("mine"),
    "prompt/pipe": lambda path: os.mkfifo(path),
    "prompt/block-0009": lambda path: path.write_text("mine"),
    "prompt/block-notes": lambda path: shutil.copytree(path.parent / "block-0002", path),
    "aligners/notes.txt": lambda path: path.write_text("mine"),
    "aligners/mine": lambda path: (path.mkdir(), (path / "README.md").write_text("mine")),
    "aligners/first.bak": lambda path: shutil.copytree(path.parent / "first", path),
    "aligners/my-model": put_strangers_model,
    "prompt": put_strangers_model,
    "prompt/block-0002": put_strangers_model,
    "aligners/first/notes": lambda path: (path.mkdir(), (path / "a").write_text("mine")),
    "aligners/first/link": lambda path: path.symlink_to("config.json"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space of three modalities whose prompt has two blocks; not to be changed."""
    folder = tmp_path_factory.mktemp("made") / "space"
    stored.save(folder)
    stored.attach(folder)
    stored.extend(folder, "vier")
    return folder


@pytest.fixture
def space(tmp_path: Path, made: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "space"))


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("name", FOREIGN)
def test_a_folder_that_holds_more_than_a_space_is_not_replaced(space: Path, name: str) -> None:
    FOREIGN[name](space / name)
    before = everything(space.parent)
    for attempt in (check_output, stored.save):
        with pytest.raises(OutputExists) as caught:
            attempt(space, overwrite=True)
        assert str(space / name) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert everything(space.parent) == before


@pytest.mark.parametrize("name", ["aligners/my-model", "prompt"])
def test_a_strangers_model_makes_no_space_of_a_folder(tmp_path: Path, name: str) -> None:
    put_strangers_model(tmp_path / "out" / name)
    before = everything(tmp_path)
    for attempt in (check_output, stored.save):
        with pytest.raises(OutputExists, match="is no space"):
            attempt(tmp_path / "out", overwrite=True)
    assert everything(tmp_path) == before


def test_what_later_receipts_list_is_no_part_of_the_space_for_that(tmp_path: Path) -> None:
    space = tmp_path / "space"
    stored.save(space)
    (space / "notes.txt").write_text("mine", encoding="utf-8")
    stored.attach(space)
    assert verify(space) == []
    with pytest.raises(OutputExists, match=r"notes\.txt"):
        stored.save(space, overwrite=True)


def test_many_foreign_files_are_counted(space: Path) -> None:
    for number in range(20):
        (space / f"{number:02d}.png").touch()
    with pytest.raises(OutputExists, match=r"00\.png.*02\.png and 17 more"):
        check_output(space, overwrite=True)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "whole": lambda space: None,
    "no receipt": lambda space: (space / "aligners/first" / RECEIPT).unlink(),
    "no receipt of the prompt": lambda space: (space / "prompt" / RECEIPT).unlink(),
    "a receipt of noise": lambda space: (space / "prompt" / RECEIPT).write_bytes(b"\0\xff"),
    "no record of the prompt": lambda space: (space / "prompt/config.json").unlink(),
    "no prompt": lambda space: shutil.rmtree(space / "prompt"),
    "no aligners": lambda space: shutil.rmtree(space / "aligners"),
    "an old block": lambda space: (space / "prompt/block-0002/config.json").write_text("{"),
    "records alone": lambda space: [
        path.unlink() for path in space.rglob("*.*") if path.name != "config.json"
    ],
    "receipts alone": lambda space: [
        path.unlink() for path in space.rglob("*.*") if path.name != RECEIPT
    ],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_space_may_be_replaced(space: Path, damage: str) -> None:
    DAMAGE[damage](space)
    with pytest.raises(OutputExists, match="--overwrite"):
        stored.save(space)
    stored.save(space, overwrite=True)
    assert verify(space) == []


@pytest.mark.parametrize("name", ["notes.txt", "inputs"])
def test_an_aligner_beside_which_something_lies_is_not_replaced(space: Path, name: str) -> None:
    FOREIGN[name](space / "aligners/third" / name)
    before, opened = everything(space.parent), stored.load(space)
    for attempt in (
        lambda: check_attachable(space, "third", having=opened.modalities, replace=True),
        lambda: stored.attach(space, replace=True),
    ):
        with pytest.raises(OutputExists, match=name):
            attempt()
    assert everything(space.parent) == before
    stored.attach(space, stored.fitted("first"), name="first", replace=True)


@pytest.mark.parametrize("lost", [[RECEIPT], [RECEIPT, "config.json"]])
def test_an_aligner_without_a_receipt_is_refused_before_it_is_trained(
    space: Path, lost: list[str]
) -> None:
    for name in lost:
        (space / "aligners/third" / name).unlink()
    with pytest.raises(SpaceError, match=r"third/receipt\.json.*train --overwrite"):
        check_attachable(space, "third", having=["third"], replace=True)


def test_what_lies_where_an_aligner_would_go_is_found_before_it_is_trained(space: Path) -> None:
    opened = stored.load(space)
    (space / "aligners/fourth").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputExists, match="'fourth'"):
        check_attachable(space, "fourth", having=opened.modalities)
