"""Spaces whose numbers and tensors do not fit each other: one line, and what is whole works."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file
from spaner_core.contract.modality import MOST_FEATURES
from spaner_core.errors import SpaceError
from spaner_core.space.aligners import restore_label_reader
from spaner_core.space.allowance import Allowance
from spaner_core.space.weights import LARGEST_HEADER
from torch import Tensor, nn

from tests.core import stored

Change = Callable[[Path], None]


def set_tensor(name: str, change: Callable[[Tensor], Tensor]) -> Change:
    def apply(part: Path) -> None:
        tensors = load_file(part / "model.safetensors")
        changed = change(tensors[name]).contiguous()
        save_file({**tensors, name: changed}, part / "model.safetensors")

    return apply


def set_value(value: float) -> Callable[[Tensor], Tensor]:
    def change(tensor: Tensor) -> Tensor:
        changed = tensor.clone()
        changed.view(-1)[-1] = value
        return changed

    return change


RESHAPED: dict[str, Callable[[Tensor], Tensor]] = {
    "one more": lambda t: torch.cat([t, t[:1]]),
    "one less": lambda t: t[:-1],
    "another rank": lambda t: t.unsqueeze(-1),
    "wider": lambda t: torch.cat([t, t], dim=-1),
    "doubles": lambda t: t.double(),
    "whole numbers": lambda t: t.long(),
    "NaN": set_value(float("nan")),
    "infinite": set_value(float("inf")),
}


def renamed(part: Path) -> None:
    tensors = load_file(part / "model.safetensors")
    tensors["other"] = tensors.pop(sorted(tensors)[-1])
    save_file(tensors, part / "model.safetensors")


def added(part: Path) -> None:
    tensors = load_file(part / "model.safetensors")
    save_file({**tensors, "other": torch.zeros(1)}, part / "model.safetensors")


def set_config(change: Callable[[Any], object]) -> Change:
    def apply(part: Path) -> None:
        config = json.loads((part / "config.json").read_text(encoding="utf-8"))
        change(config)
        (part / "config.json").write_text(json.dumps(config), encoding="utf-8")

    return apply


def set_key(value: object, *keys: str) -> Change:
    def change(config: Any) -> None:
        for key in keys[:-1]:
            config = config[key]
        config[keys[-1]] = value

    return set_config(change)


def set_config_bytes(change: Callable[[bytes], bytes]) -> Change:
    def apply(part: Path) -> None:
        path = part / "config.json"
        path.write_bytes(change(path.read_bytes()))

    return apply


def set_header(change: Callable[[bytes], bytes]) -> Change:
    def apply(part: Path) -> None:
        path = part / "model.safetensors"
        content = path.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header = change(content[8 : 8 + length])
        path.write_bytes(struct.pack("<Q", len(header)) + header + content[8 + length :])

    return apply


def edit_header(change: Callable[[dict[str, Any]], object]) -> Change:
    def edited(header: bytes) -> bytes:
        described = json.loads(header)
        change(described)
        return json.dumps(described).encode()

    return set_header(edited)


def append_bytes(part: Path) -> None:
    with (part / "model.safetensors").open("ab") as file:
        file.write(bytes(8))


def claim_length(length: int) -> Change:
    def apply(part: Path) -> None:
        path = part / "model.safetensors"
        path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])

    return apply


def first_entry(header: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = header[sorted(header)[0]]
    return entry


FILES: dict[str, Change] = {
    "a key twice": set_config_bytes(lambda text: text.replace(b"{", b'{"format_version": 1,', 1)),
    "deep": set_config_bytes(
        lambda text: text.replace(b"{", b'{"recipe": ' + b"[" * 500 + b"]" * 500 + b",", 1)
    ),
    "half a character": set_key("\ud800", "recipe"),
    "a tensor twice": set_header(
        lambda text: text.replace(b"{", b"{" + text[1 : text.index(b"}") + 1] + b",", 1)
    ),
    "blanks": set_header(lambda text: text + b" " * LARGEST_HEADER),
    "no object": set_header(lambda _: b"[]"),
    "no header": claim_length(0),
    "a header beyond the file": claim_length(2**19),
    "a header beyond everything": claim_length(2**62),
    "more bytes": append_bytes,
    "a shape of words": edit_header(lambda header: first_entry(header).update(shape=["x"])),
    "a shape below zero": edit_header(lambda header: first_entry(header).update(shape=[-1])),
    "an unknown dtype": edit_header(lambda header: first_entry(header).update(dtype="X9")),
    "a rare dtype": edit_header(lambda header: first_entry(header).update(dtype="F4")),
    "no offsets": edit_header(lambda header: first_entry(header).pop("data_offsets")),
    "an entry that is none": edit_header(lambda header: header.update(other=3)),
}

ALIGNER: dict[str, Change] = {
    **FILES,
    **{
        f"{name}, {how}": set_tensor(name, change)
        for name in ("concept_means.means", "concept_means.support", "centre", "linear.weight")
        for how, change in RESHAPED.items()
    },
    "class means of one concept more": lambda part: [
        set_tensor(name, RESHAPED["one more"])(part)
        for name in ("concept_means.means", "concept_means.support")
    ],
    "renamed": renamed,
    "added": added,
    "another modality": set_key("first", "modality"),
    "another width": set_key(5, "features", "dim"),
    "a vast width": set_key(MOST_FEATURES, "features", "dim"),
    "an endless width": set_key(10**12, "features", "dim"),
    "endless tokens": set_key(10**12, "features", "tokens"),
    "an endless grid": set_key([MOST_FEATURES, 2], "features", "grid"),
    "a grid without end": set_key([2] * 1000, "features", "grid"),
    "endless prefixes": set_key(10**12, "features", "prefix_tokens"),
    "another hidden width": set_key(5, "aligner_options", "hidden"),
    "another count": set_key(2, "anchor_count"),
}

PROMPT: dict[str, Change] = {
    **FILES,
    **{
        f"{name}, {how}": set_tensor(name, change)
        for name in ("anchors", "label_map", "label_mean", "label_embeddings")
        for how, change in RESHAPED.items()
    },
    **{
        f"log_beta, {how}": set_tensor("log_beta", change)
        for how, change in {
            "a row": lambda t: t.reshape(1),
            "NaN": set_value(float("nan")),
            "doubles": lambda t: t.double(),
        }.items()
    },
    "long anchors": set_tensor("anchors", lambda t: 2 * t),
    "reader, NaN": set_tensor("label_reader.idf", set_value(float("nan"))),
    "renamed": renamed,
    "added": added,
    "another dim": set_key(9, "dim"),
    "a vast dim": set_key(4_000_000, "dim"),
    "no dim": set_key(0, "dim"),
    "strength NaN": set_key(float("nan"), "strength"),
    "strength 2": set_key(2, "strength"),
    "other anchors": set_key("random", "anchors"),
    "unknown anchors": set_key("guessed", "anchors"),
    "no source": set_key(None, "label_source"),
    "a concept less": set_config(lambda config: config["concepts"].pop()),
    "a concept twice": set_key(["drei", "drei", "one"], "concepts"),
    "a concept of control characters": set_key(["drei", "one", "\x1b[2J"], "concepts"),
    "texts of others": set_key({"drei": ["a"], "one": ["b"], "four": ["c"]}, "label_texts"),
    "no text": set_key({"drei": [], "one": ["b"], "two words": ["c"]}, "label_texts"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The files of a space of two modalities whose prompt has a later block."""
    folder = tmp_path_factory.mktemp("good")
    stored.save(folder)
    stored.extend(folder, "vier")
    return stored.contents(folder)


@pytest.fixture
def space(tmp_path: Path, good: Mapping[str, bytes]) -> Path:
    for name, content in good.items():
        path = tmp_path / "space" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "space"


def test_the_space_they_are_made_from_is_whole(space: Path) -> None:
    opened = stored.load(space)
    assert opened.usable(opened.modalities) == ("first", "second")
    assert len(opened.concepts) == 4


@pytest.mark.parametrize("change", ALIGNER)
def test_an_aligner_that_does_not_fit_itself_is_left_out(space: Path, change: str) -> None:
    before = stored.load(space).embed("first", stored.rows("first"))
    ALIGNER[change](space / "aligners/second")
    opened = stored.load(space)
    assert opened.usable(("first", "second")) == ("first",)
    assert opened.modalities == ("first",)
    assert np.array_equal(opened.embed("first", stored.rows("first")), before)
    (said,) = opened.damaged.values()
    assert "\n" not in said
    assert str(space / "aligners/second") in said
    for _ in range(2):
        with pytest.raises(SpaceError) as caught:
            opened.embed("second", stored.rows("second"))
        assert str(caught.value) == said


@pytest.mark.parametrize("name", ["concept_means.means", "centre", "linear.weight"])
def test_the_tensor_that_does_not_fit_is_named_alone(space: Path, name: str) -> None:
    set_tensor(name, RESHAPED["one more"])(space / "aligners/second")
    shape = tuple(load_file(space / "aligners/second/model.safetensors")[name].shape)
    opened = stored.load(space)
    opened.usable(opened.modalities)
    assert f"({name} is {shape}" in opened.damaged["second"]


@pytest.mark.parametrize("change", PROMPT)
def test_a_prompt_that_does_not_fit_itself_closes_the_space(space: Path, change: str) -> None:
    PROMPT[change](space / "prompt")
    with pytest.raises(SpaceError) as caught:
        stored.load(space)
    assert "\n" not in str(caught.value)
    assert str(space / "prompt") in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        *(set_tensor("anchors", change) for change in RESHAPED.values()),
        *(set_tensor("label_embeddings", change) for change in RESHAPED.values()),
        set_key(["one"], "concepts"),
        set_config(lambda config: config.update(concepts=["one"], label_texts={"one": ["a"]})),
        set_config(lambda config: config.update(concepts=[], label_texts={})),
        set_key("random", "anchors"),
        added,
        renamed,
    ],
)
def test_a_later_block_that_does_not_fit_closes_the_space(space: Path, change: Change) -> None:
    change(space / "prompt/block-0002")
    with pytest.raises(SpaceError) as caught:
        stored.load(space)
    assert "\n" not in str(caught.value)
    assert str(space / "prompt") in str(caught.value)


def test_features_of_another_shape_are_refused(space: Path) -> None:
    opened = stored.load(space)
    for rows in (stored.rows("second"), stored.rows("first")):
        cut = type(rows)(values=rows.values[:, :3], mask=rows.mask[:, :3])
        with pytest.raises(SpaceError, match="'first'"):
            opened.embed("first", cut)
    with pytest.raises(SpaceError, match="'first'"):
        opened.embed("first", stored.rows("second"))


class Reader(nn.Module):
    """What the prompt of `stored` keeps the state of."""

    idf: Tensor

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.width = width
        self.register_buffer("idf", torch.zeros(6))
        self.deep = nn.Module()
        self.deep.register_buffer("scale", torch.tensor(0.0))


def build_reader(width: int = 6) -> Any:
    return SimpleNamespace(reader=Reader(width))


def test_the_reader_of_names_comes_back_with_its_state(space: Path) -> None:
    prompt = stored.load(space).prompt
    reader: Any = restore_label_reader(space, prompt, build=build_reader)
    assert reader.idf.tolist() == list(range(6))


@pytest.mark.parametrize(
    "change",
    [
        *(set_tensor("label_reader.idf", RESHAPED[how]) for how in RESHAPED if how != "NaN"),
        set_tensor("label_reader.deep.scale", lambda t: t.repeat(2)),
    ],
)
def test_a_reader_that_does_not_fit_harms_no_aligner(space: Path, change: Change) -> None:
    change(space / "prompt")
    for part in ("prompt/block-0002", "aligners/first", "aligners/second"):
        _continue_from(space, part)
    opened = stored.load(space)
    assert opened.usable(opened.modalities) == ("first", "second")
    with pytest.raises(SpaceError, match="does not fit") as caught:
        restore_label_reader(space, opened.prompt, build=build_reader)
    assert "\n" not in str(caught.value)


def _continue_from(space: Path, part: str) -> None:
    """Let a part say that it belongs to the first block as that is now."""
    from spaner_core.space.parts import fingerprint_part

    key = "previous" if "block" in part else "prompt_fingerprint"
    set_key(fingerprint_part(space / "prompt"), key)(space / part)


def test_a_reader_of_another_width_is_refused(space: Path) -> None:
    prompt = stored.load(space).prompt
    with pytest.raises(SpaceError, match="label_mean"):
        restore_label_reader(space, prompt, build=lambda: build_reader(width=7))


def test_more_room_than_is_stored_is_refused_before_it_is_taken() -> None:
    with Allowance(stored_bytes=2**20, said="too much"):
        kept = nn.Linear(2**10, 2**10)
        drawn = torch.randn(3, generator=torch.Generator().manual_seed(0))
        for make in (
            lambda: nn.Linear(2**20, 2**20),
            lambda: torch.zeros(size=(2**30, 2**30)),
            lambda: torch.eye(2**20),
            lambda: torch.arange(2**40),
            lambda: torch.ones(1).new_zeros(2**40),
        ):
            with pytest.raises(SpaceError, match="too much"):
                make()
    assert kept.weight.shape == (2**10, 2**10)
    assert torch.equal(drawn, torch.randn(3, generator=torch.Generator().manual_seed(0)))


def test_a_file_of_no_tensors_is_no_aligner(space: Path) -> None:
    (space / "aligners/second/model.safetensors").write_bytes(save({}))
    opened = stored.load(space)
    assert opened.usable(opened.modalities) == ("first",)
