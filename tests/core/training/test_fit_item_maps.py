"""Which trainings give aligners a map of items, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from spaner_core.evaluation.retrieval import retrieval_by_item
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import FeatureRows
from spaner_core.recipe import LossRecipe
from spaner_core.space.space import Space
from spaner_core.training.attached import fit_attached
from spaner_core.training.fit_item_maps import MOST_ITEMS, fit_joint_maps
from spaner_core.training.settled import embed_once

from tests.core.training.synthetic import (
    RECIPE,
    WIDTHS,
    aligners,
    build,
    embed,
    synthetic,
    train,
    with_aligner,
)


def pairs(count: int, *, seed: int, names: str = "first second third") -> dict[str, LabelledRows]:
    """Synthetic rows of items that have eight numbers, each modality shows with noise."""
    drawn = torch.Generator().manual_seed(seed)
    shown = torch.randn(count, 8, generator=drawn)
    rows = {}
    for name in names.split():
        seen = torch.randn(8, WIDTHS[name], generator=torch.Generator().manual_seed(WIDTHS[name]))
        noise = torch.randn(count, WIDTHS[name], generator=drawn)
        rows[name] = LabelledRows(
            features=FeatureRows(
                values=(shown @ seen + noise).unsqueeze(1),
                mask=torch.ones(count, 1, dtype=torch.bool),
            ),
            concepts=torch.full((count,), -1),
            items=torch.arange(count) + 1000 * seed,
        )
    return rows


def found(space: Space, rows: Mapping[str, LabelledRows], *, gain: float) -> float:
    for module in aligners(space).values():
        module.item_gain = gain
    embedded = {name: embed(space, name, rows[name], strength=0.0) for name in rows}
    figures = retrieval_by_item(embedded, {name: rows[name].labels for name in rows})
    return float(figures["mean_item_mrr@10"] or 0)


def mapped(space: Space) -> set[str]:
    return {name for name, module in aligners(space).items() if module.item_map.weight is not None}


def test_few_pairs_find_more_items_with_the_map_than_by_what_was_trained() -> None:
    few, unseen = pairs(40, seed=1, names="first second"), pairs(60, seed=2, names="first second")
    space = train(few)
    assert mapped(space) == {"first", "second"}
    assert found(space, unseen, gain=1.0) > found(space, unseen, gain=0.0) + 0.05


def test_a_newcomer_is_mapped_to_what_the_others_stored_and_they_stay_as_they_were() -> None:
    few, unseen = pairs(40, seed=1), pairs(60, seed=2)
    space = train({name: few[name] for name in ("first", "second")})
    before = {name: {**module.state_dict()} for name, module in aligners(space).items()}
    aligner = fit_attached(
        "third",
        lambda: build("third"),
        few["third"],
        space.prompt,
        partners={name: embed_once(space, name, few[name]) for name in ("first", "second")},
        recipe=RECIPE,
        device="cpu",
    )
    grown = with_aligner(space, "third", aligner)
    assert mapped(grown) == {"first", "second", "third"}
    for name, state in before.items():
        now = aligners(grown)[name].state_dict()
        assert all(torch.equal(now[key], value) for key, value in state.items())

    def newcomer(gain: float) -> float:
        aligner_: Any = aligner
        aligner_.item_gain = gain
        embedded = {name: embed(grown, name, unseen[name], strength=0.0) for name in unseen}
        figures = retrieval_by_item(embedded, {name: unseen[name].labels for name in unseen})
        return float(figures["third_to_first_item_mrr@10"] or 0)

    assert newcomer(1.0) > newcomer(0.0) + 0.02


@pytest.mark.parametrize("shared", [True, False])
def test_only_items_that_several_modalities_show_are_mapped(shared: bool) -> None:
    items = range(0, 12)
    rows = {
        "first": synthetic("first", [], seed=1, items=list(items)),
        "second": synthetic("second", [], seed=2, items=list(items)),
        "third": synthetic("third", [i % 6 for i in items], seed=3),
    }
    if not shared:
        rows["second"] = replace(rows["second"], items=rows["second"].items + 100)
        labels = torch.arange(12) % 6
        rows = {name: replace(part, concepts=labels) for name, part in rows.items()}
    assert mapped(train(rows)) == ({"first", "second"} if shared else set())


def test_items_that_are_told_not_to_count_are_not_mapped() -> None:
    space = train(
        pairs(24, seed=1, names="first second"),
        recipe=replace(RECIPE, loss=LossRecipe(item_weight=0)),
    )
    assert not mapped(space)


def test_a_map_beside_an_aligner_of_a_plugins_own_is_left_out() -> None:
    class Own(torch.nn.Module):
        pass

    rows = pairs(24, seed=1, names="first second")
    first = build("first")
    fit_joint_maps({"first": first, "second": Own()}, rows, train(rows).prompt, seed=0)
    assert first.item_map.weight is None


def test_of_very_many_items_a_map_takes_some_the_same_for_the_same_seed() -> None:
    rows, few = pairs(MOST_ITEMS + 500, seed=1, names="first second"), pairs(8, seed=2)
    space = train({name: few[name] for name in ("first", "second")})

    def weights(seed: int) -> torch.Tensor:
        for module in aligners(space).values():  # what was trained decides how a map is turned
            module.item_map.weight = None
        fit_joint_maps(aligners(space), rows, space.prompt, seed=seed)
        weight: torch.Tensor = aligners(space)["first"].item_map.weight
        return weight

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))
