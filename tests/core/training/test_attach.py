"""Attaching a modality to a trained space, on synthetic rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from spaner_core.errors import DataError
from spaner_core.features.labelled import LabelledRows, join_labelled
from spaner_core.recipe import Recipe
from spaner_core.space.space import Space
from spaner_core.training.attached import fit_attached
from spaner_core.training.material import ConceptNames
from spaner_core.training.settled import SettledAligner, embed_once

from tests.core.training.synthetic import (
    RECIPE,
    WIDTHS,
    aligners,
    build,
    embed,
    held_out_recall,
    names_of,
    recall,
    state,
    synthetic,
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
    few = replace(RECIPE, training=replace(RECIPE.training, max_steps=3))
    alone, mixed = (attach_third(trained, part, recipe=few) for part in (rows, both))
    loaded = both.features.load()
    raw = mixed.reader(loaded.values, loaded.mask)
    torch.testing.assert_close(mixed.centre, raw.mean(dim=0))
    assert not torch.allclose(mixed.centre, alone.centre)
    assert torch.equal(mixed.concept_means.support, alone.concept_means.support)


def test_names_teach_a_newcomer_concepts_of_which_it_has_no_row(trained: Space) -> None:
    every = train_rows(names="third")["third"]
    half = every.take(torch.nonzero(every.concepts < 3).flatten())
    with_names = attach_third(trained, half, names=names_of("third", range(6)))
    found = {
        known: held_out_recall(with_aligner(trained, "third", aligner), names="third first")
        for known, aligner in ((True, with_names), (False, attach_third(trained, half)))
    }
    assert found[True] > 0.9
    assert found[False] < 0.7


def test_names_that_say_nothing_of_a_newcomers_rows_are_left_out(trained: Space) -> None:
    rows = train_rows(names="third")["third"]
    lying = names_of("third", range(6), places=[1, 2, 3, 4, 5, 0])
    few = replace(RECIPE, training=replace(RECIPE.training, max_steps=3))
    with_names = attach_third(trained, rows, names=lying, recipe=few)
    assert state(with_names) == state(attach_third(trained, rows, recipe=few))


def attach_third(
    trained: Space,
    rows: LabelledRows,
    *,
    names: ConceptNames | None = None,
    partners: Mapping[str, LabelledRows] | None = None,
    recipe: Recipe = RECIPE,
) -> Any:
    return fit_attached(
        "third",
        partial(build, "third"),
        rows,
        trained.prompt,
        names=names,
        partners=partners,
        recipe=recipe,
        device="cpu",
    )


def test_attaching_by_pairs_learns_items_from_rows_of_finished_modalities() -> None:
    items, quick = list(range(12)) * 4, replace(RECIPE.training, learning_rate=0.02)
    recipe = replace(RECIPE, training=quick)
    rows = {n: synthetic(n, [], seed=WIDTHS[n], items=items) for n in ("first", "second", "third")}
    trained = train({name: rows[name] for name in ("first", "second")}, recipe=recipe)
    old: dict[str, Any] = {"prompt": trained.prompt, **aligners(trained)}
    before = {name: state(module) for name, module in old.items()}
    partners = {"first": embed_once(trained, "first", rows["first"])}
    lonely = replace(rows["third"], items=rows["third"].items + 1000)
    new = join_labelled([rows["third"], lonely])
    aligner = attach_third(trained, new, partners=partners, recipe=recipe)
    attached = with_aligner(trained, "third", aligner)
    assert {name: state(module) for name, module in old.items()} == before
    held = {n: synthetic(n, [], seed=77, items=items[:12]) for n in WIDTHS}
    shown = {name: embed(attached, name, held[name], strength=0.0) for name in WIDTHS}
    for other in ("first", "second"):  # one that it was paired with, one that it never met
        assert recall(shown["third"], shown[other], held["third"], held[other]) > 0.5
    with pytest.raises(DataError, match="'third' has a concept, or an item"):
        attach_third(trained, lonely, partners=partners)


def test_a_finished_modality_gives_in_a_training_what_it_gives_in_use(trained: Space) -> None:
    rows = train_rows()["first"]
    later = replace(rows, concepts=rows.concepts + 3)  # as if some anchors were newer than it
    once = embed_once(trained, "first", later)
    assert set(once.known_concepts) == {3, 4, 5}
    loaded = once.features.load()
    for strength in (0.0, 0.3, 1.0):
        given = SettledAligner()(
            loaded.values, loaded.mask, trained.prompt.anchors,
            beta=trained.prompt.beta, strength=strength,
        )  # fmt: skip
        torch.testing.assert_close(
            given.embedding, embed(trained, "first", rows, strength=strength)
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
