"""Attaching a modality to a trained space, on synthetic rows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from spaner_core.errors import DataError
from spaner_core.features.labelled import LabelledRows, join_labelled
from spaner_core.recipe import TrainingRecipe
from spaner_core.space.space import Space
from spaner_core.training.trainer import fit_attached

from tests.core.training.synthetic import (
    RECIPE,
    aligners,
    build,
    embed,
    held_out_recall,
    state,
    train,
    train_rows,
    with_aligner,
)


@pytest.fixture(scope="module")
def trained() -> Space:
    return train(train_rows())


def test_attaching_by_labels_alone_changes_no_byte_and_reaches_the_others(
    trained: Space,
) -> None:
    before = {"prompt": state(trained.prompt)} | {
        name: state(aligner) for name, aligner in aligners(trained).items()
    }
    old = embed(trained, "first", train_rows()["first"])
    rows = train_rows(names="third")["third"]
    aligner = attach_third(trained, rows)
    modules: dict[str, Any] = {"prompt": trained.prompt, **aligners(trained)}
    for name, module in modules.items():
        assert state(module) == before[name]
    assert not any(p.requires_grad for p in trained.prompt.parameters())
    assert all(p.grad is None for p in trained.prompt.parameters())
    assert torch.equal(embed(trained, "first", train_rows()["first"]), old)
    attached = with_aligner(trained, "third", aligner)
    assert held_out_recall(attached, names="third first") > 0.9
    assert held_out_recall(attached, names="second third") > 0.9


def test_unlabelled_rows_set_the_centre_of_an_attached_modality_and_nothing_else(
    trained: Space,
) -> None:
    rows = train_rows(names="third")["third"]
    shifted = replace(rows.features, values=rows.features.values + 100)
    unlabelled = replace(rows, features=shifted, concepts=rows.concepts * 0 - 1)
    both = join_labelled([unlabelled, rows])
    few = replace(RECIPE.training, max_steps=3)
    alone, mixed = (attach_third(trained, part, training=few) for part in (rows, both))
    loaded = both.features.load()
    raw = mixed.reader(loaded.values, loaded.mask)
    torch.testing.assert_close(mixed.centre, raw.mean(dim=0))
    assert not torch.allclose(mixed.centre, alone.centre)
    assert torch.equal(mixed.concept_means.support, alone.concept_means.support)


def attach_third(
    trained: Space, rows: LabelledRows, *, training: TrainingRecipe = RECIPE.training
) -> Any:
    return fit_attached(
        "third",
        partial(build, "third"),
        rows,
        trained.prompt,
        training=training,
        device="cpu",
    )


@pytest.mark.parametrize(("concept", "lacking"), [(0, "at least 2"), (-1, "has a concept")])
def test_fewer_than_two_concepts_are_refused_by_name(
    trained: Space, concept: int, lacking: str
) -> None:
    rows = train_rows(names="first third")
    poor = replace(rows["third"], concepts=torch.full((48,), concept))
    with pytest.raises(DataError, match=rf"'third'.*{lacking}") as caught:
        train({**rows, "third": poor})
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=rf"'third'.*{lacking}"):
        attach_third(trained, poor)
