"""Parts of a space that are damaged, of another format or of another prompt: one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from spaner_core.errors import SpaceError
from spaner_core.space.saving import save_attached

from tests.core import stored
from tests.core.stored import open_and_use


def edit_config(path: Path, **changes: object) -> None:
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, **changes}), encoding="utf-8")


def rename_tensor(path: Path) -> None:
    tensors = load_file(path)
    tensors["renamed"] = tensors.pop(sorted(tensors)[0])
    save_file(tensors, path)


def reshape_tensor(path: Path, *, place: int) -> None:
    tensors = load_file(path)
    save_file({**tensors, sorted(tensors)[place]: torch.zeros(2, 9, 1)}, path)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no config": lambda part: (part / "config.json").unlink(),
    "no weights": lambda part: (part / "model.safetensors").unlink(),
    "truncated weights": lambda part: truncate(part / "model.safetensors"),
    "empty weights": lambda part: (part / "model.safetensors").write_bytes(b""),
    "no JSON": lambda part: truncate(part / "config.json"),
    "a list": lambda part: (part / "config.json").write_text("[1]"),
    "a number": lambda part: (part / "config.json").write_text("1"),
    "nothing in it": lambda part: (part / "config.json").write_text("{}"),
    "another encoding": lambda part: (part / "config.json").write_bytes(b"\xff\xfe{}"),
    "other format": lambda part: edit_config(part / "config.json", format_version=2),
    "unknown key": lambda part: edit_config(part / "config.json", surprise=1),
    "renamed tensor": lambda part: rename_tensor(part / "model.safetensors"),
    "reshaped first": lambda part: reshape_tensor(part / "model.safetensors", place=0),
    "reshaped last": lambda part: reshape_tensor(part / "model.safetensors", place=-1),
}


@pytest.mark.parametrize(
    ("part", "damage"),
    [(part, damage) for part in ("prompt", "aligners/second") for damage in DAMAGE],
)
def test_a_damaged_part_is_told_in_one_line(tmp_path: Path, part: str, damage: str) -> None:
    stored.save(tmp_path)
    DAMAGE[damage](tmp_path / part)
    with pytest.raises(SpaceError) as caught:
        open_and_use(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / part) in str(caught.value)


@pytest.mark.parametrize("features", [3, {}, {"dim": 7, "grid": 3}, {"dim": "wide", "grid": None}])
def test_a_damaged_feature_spec_is_told_in_one_line(tmp_path: Path, features: object) -> None:
    stored.save(tmp_path)
    edit_config(tmp_path / "aligners/second/config.json", features=features)
    with pytest.raises(SpaceError) as caught:
        open_and_use(tmp_path)
    assert "\n" not in str(caught.value)


def test_another_format_says_which_one_this_version_reads(tmp_path: Path) -> None:
    stored.save(tmp_path)
    edit_config(tmp_path / "prompt/config.json", format_version=7)
    with pytest.raises(SpaceError, match="format version 7; this SPANER reads 1"):
        stored.load(tmp_path)


@pytest.mark.parametrize("change", ["weights", "config"])
def test_an_aligner_of_another_prompt_is_refused(tmp_path: Path, change: str) -> None:
    stored.save(tmp_path / "a")
    stored.save(tmp_path / "b", seed=1)
    if change == "weights":
        (tmp_path / "b/prompt/model.safetensors").replace(tmp_path / "a/prompt/model.safetensors")
    else:
        edit_config(tmp_path / "a/prompt/config.json", strength=0.5)
    with pytest.raises(SpaceError, match="another prompt") as caught:
        stored.load(tmp_path / "a")
    assert "\n" not in str(caught.value)


def test_an_aligner_of_another_prompt_is_not_attached(tmp_path: Path) -> None:
    stored.save(tmp_path)
    before = stored.contents(tmp_path)
    record = stored.aligner_record("third", prompt_fingerprint="0" * 64)
    with pytest.raises(SpaceError):
        save_attached(tmp_path, stored.fitted("third"), record)
    assert stored.contents(tmp_path) == before
