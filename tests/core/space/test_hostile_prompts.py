"""Prompts whose numbers and tensors do not fit each other: one line, and the space stays closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from spaner_core.errors import SpaceError
from spaner_core.space.aligners import restore_label_reader
from torch import Tensor, nn

from tests.core import stored
from tests.core.space.changes import (
    FILES,
    RESHAPED,
    added,
    renamed,
    set_config,
    set_key,
    set_tensor,
    set_value,
)

Change = Callable[[Path], None]
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
    "strength of things 2": set_key({"thing": 2}, "strengths"),
    "strength of something": set_key({"something": 0.5}, "strengths"),
    "other anchors": set_key("random", "anchors"),
    "unknown anchors": set_key("guessed", "anchors"),
    "no source": set_key(None, "label_source"),
    "a concept less": set_config(lambda config: config["concepts"].pop()),
    "a concept twice": set_key(["drei", "drei", "one"], "concepts"),
    "a concept of control characters": set_key(["drei", "one", "\x1b[2J"], "concepts"),
    "texts of others": set_key({"drei": ["a"], "one": ["b"], "four": ["c"]}, "label_texts"),
    "no text": set_key({"drei": [], "one": ["b"], "two words": ["c"]}, "label_texts"),
}


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
