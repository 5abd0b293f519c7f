"""Aligners and features whose numbers do not fit: one line, and what is whole works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save
from spaner_core.contract.modality import MOST_FEATURES
from spaner_core.errors import SpaceError
from spaner_core.space.aligners import Allowance
from torch import nn

from tests.core import stored
from tests.core.space.changes import FILES, RESHAPED, added, renamed, set_key, set_tensor

Change = Callable[[Path], None]
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


def test_features_of_another_shape_are_refused(space: Path) -> None:
    opened = stored.load(space)
    for rows in (stored.rows("second"), stored.rows("first")):
        cut = type(rows)(values=rows.values[:, :3], mask=rows.mask[:, :3])
        with pytest.raises(SpaceError, match="'first'"):
            opened.embed("first", cut)
    with pytest.raises(SpaceError, match="'first'"):
        opened.embed("first", stored.rows("second"))


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
