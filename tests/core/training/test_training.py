"""Joint training on synthetic rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from spaner_core.features.rows import FeatureRows
from spaner_core.recipe import LossRecipe
from spaner_core.space.space import Space

from tests.core.training.synthetic import (
    RECIPE,
    embed,
    held_out_recall,
    names_of,
    recall,
    state,
    synthetic,
    train,
    train_rows,
)


@pytest.fixture(scope="module")
def trained() -> Space:
    return train(train_rows())


def test_held_out_rows_of_one_modality_find_those_of_the_other(trained: Space) -> None:
    assert held_out_recall(trained) > 0.9
    assert trained.record.anchors == "random"
    assert trained.record.informativeness is None
    assert trained.record.label_source is None


def test_shuffled_labels_teach_nothing() -> None:
    rows = train_rows()
    shuffled = {
        name: replace(
            part,
            concepts=part.concepts[
                torch.randperm(len(part), generator=torch.Generator().manual_seed(len(name)))
            ],
        )
        for name, part in rows.items()
    }
    assert held_out_recall(train(shuffled)) < 0.5


def test_same_seed_same_bytes_other_seed_other_bytes(trained: Space) -> None:
    again = train(train_rows())
    other = train(train_rows(), recipe=replace(RECIPE, training=replace(RECIPE.training, seed=1)))
    assert state(again.prompt) == state(trained.prompt)
    for name in ("first", "second"):
        assert state(again.aligner(name)) == state(trained.aligner(name))
        assert state(other.aligner(name)) != state(trained.aligner(name))


def test_training_moves_beta_and_leaves_the_anchors_where_they_were(
    trained: Space,
) -> None:
    one = replace(RECIPE, training=replace(RECIPE.training, max_steps=1))
    started = train(train_rows(), recipe=one)
    assert torch.equal(started.prompt.anchors, trained.prompt.anchors)
    assert not torch.equal(started.prompt.log_beta, trained.prompt.log_beta)
    assert torch.equal(started.prompt.log_scale, trained.prompt.log_scale)
    cosines = trained.prompt.anchors @ trained.prompt.anchors.T
    torch.testing.assert_close(
        cosines, torch.eye(6) * 1.2 - 0.2, atol=1e-5, rtol=0
    )  # still the simplex of 6


def test_a_concept_that_one_modality_lacks_is_found_there_better_than_by_chance() -> None:
    rows = train_rows(96)
    rows["second"] = rows["second"].take(torch.nonzero(rows["second"].concepts != 2).flatten())
    trained = train(rows)
    assert held_out_recall(trained) > 0.7
    held = train_rows(60, seed=1000)
    for name in rows:
        known = held[name].take(torch.nonzero(held[name].concepts != 2).flatten())
        held[name] = known
    pair = (embed(trained, "first", held["first"]), embed(trained, "second", held["second"]))
    assert recall(*pair, held["first"], held["second"]) > 0.9


def test_rows_paired_by_items_alone_train_without_any_anchor() -> None:
    items = [i % 12 for i in range(96)]
    rows = {name: synthetic(name, [], seed=5, items=items) for name in ("first", "second")}
    longer = replace(RECIPE, training=replace(RECIPE.training, max_steps=200))
    trained = train(rows, concepts=(), recipe=longer)
    assert trained.prompt.anchors.shape == (0, 16)
    held = {name: synthetic(name, [], seed=6, items=range(12)) for name in rows}
    a, b = (embed(trained, name, held[name]) for name in rows)
    torch.testing.assert_close(a.norm(dim=-1), torch.ones(12))
    assert recall(a, b, held["first"], held["second"]) > 0.9


BOTH = {"thing": 0.0, "kind": 0.5}


@pytest.mark.parametrize(
    ("concepts", "items", "item_weight", "strengths"),
    [
        ([0, 1, 2, 3], [-1, -1, -1, -1], 1.0, {"kind": 0.5}),
        ([0, 1, 2, 3], [0, 1, 2, 3], 1.0, BOTH),
        ([0, 1, 2, 3], [0, 1, 2, 3], 0.0, {"kind": 0.5}),
        ([0, 1, 2, -1], [0, 1, 2, 3], 0.0, BOTH),
        ([-1, -1, -1, -1], [0, 1, 2, 3], 1.0, {"thing": 0.0}),
    ],
)
def test_what_was_trained_on_decides_which_strengths_a_space_has(
    concepts: list[int], items: list[int], item_weight: float, strengths: dict[str, float]
) -> None:
    rows = {
        name: replace(
            synthetic(name, [], seed=5, items=range(4)),
            concepts=torch.tensor(concepts),
            items=torch.tensor(items),
        )
        for name in ("first", "second")
    }
    one = replace(
        RECIPE,
        loss=LossRecipe(item_weight=item_weight),
        training=replace(RECIPE.training, max_steps=1),
    )
    record = train(rows, recipe=one).record
    assert record.strengths == strengths
    assert record.strength == strengths.get("kind", 0.0)


def test_items_that_no_other_modality_shares_are_no_things() -> None:
    rows = train_rows()
    rows["first"] = replace(rows["first"], items=torch.arange(len(rows["first"])))
    one = replace(RECIPE, training=replace(RECIPE.training, max_steps=1))
    assert train(rows, recipe=one).record.strengths == {"kind": 0.5}


def test_without_any_anchor_the_full_pull_keeps_unit_length() -> None:
    rows = {name: synthetic(name, [], seed=5, items=range(12)) for name in ("first", "second")}
    one = replace(RECIPE, training=replace(RECIPE.training, max_steps=1))
    trained = train(rows, concepts=(), recipe=one)
    pulled = embed(trained, "first", rows["first"], strength=1.0)
    torch.testing.assert_close(pulled.norm(dim=-1), torch.ones(12))


def test_rows_of_varying_length_train_and_find_each_other() -> None:
    rows = train_rows()
    short = rows["first"].features.mask.clone()
    short[::3, 1] = False
    values = rows["first"].features.values * short.unsqueeze(-1)
    rows["first"] = replace(rows["first"], features=FeatureRows(values=values, mask=short))
    assert held_out_recall(train(rows, names=names_of("first", range(6)))) > 0.9
