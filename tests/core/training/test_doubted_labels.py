from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from spaner_core.errors import ConfigError
from spaner_core.features.labelled import LabelledRows
from spaner_core.recipe import Recipe, TrainingRecipe
from spaner_core.training.fit_statistics import fit_statistics
from torch import nn

from tests.core.training.synthetic import (
    CONCEPTS,
    RECIPE,
    aligners,
    build,
    fit,
    held_out_recall,
    names_of,
    state,
    train,
    train_rows,
)


def recipe(**changes: bool) -> Recipe:
    return replace(RECIPE, training=replace(RECIPE.training, **changes))


def mislabelled(rows: Mapping[str, LabelledRows], every: int) -> dict[str, LabelledRows]:
    """Give each `every`-th row of each modality the concept behind its own."""
    wrong = {}
    for name, part in rows.items():
        concepts = part.concepts.clone()
        concepts[::every] = (concepts[::every] + 1) % len(CONCEPTS)
        wrong[name] = replace(part, concepts=concepts)
    return wrong


def partly_labelled(rows: Mapping[str, LabelledRows], count: int) -> dict[str, LabelledRows]:
    """Take the labels of all rows but the first `count`."""
    return {
        name: replace(
            part, concepts=torch.where(torch.arange(len(part)) < count, part.concepts, -1)
        )
        for name, part in rows.items()
    }


def states(space: object) -> dict[str, dict[str, bytes]]:
    return {name: state(aligner) for name, aligner in aligners(space).items()}  # type: ignore[arg-type]


def test_training_that_checks_labels_gets_over_wrong_ones() -> None:
    wrong = mislabelled(train_rows(72), every=4)
    believing, checking = (
        held_out_recall(train(wrong, recipe=recipe(check_labels=check))) for check in (False, True)
    )
    assert checking > believing + 0.05


def test_wrong_labels_weigh_little_beside_names_that_are_right() -> None:
    wrong = mislabelled(train_rows(72, names="first"), every=5)["first"]
    names = names_of("first", range(len(CONCEPTS))).rows
    weighed = fit_statistics(
        build("first"), wrong, names=names, count=6, training=TrainingRecipe(check_labels=True)
    )
    assert weighed.trust is not None
    assert len(weighed.trust) == len(wrong)
    is_wrong = torch.arange(len(wrong)) % 5 == 0
    assert weighed.trust[is_wrong].max() < 0.2
    assert weighed.trust[~is_wrong].mean() > 0.9


def test_where_no_label_can_be_weighed_training_is_as_without_the_check() -> None:
    rows = train_rows(18)  # three of each concept
    assert states(train(rows, recipe=recipe(check_labels=True))) == states(train(rows))


def test_names_are_judged_by_the_rows_that_are_believed() -> None:
    wrong = mislabelled(train_rows(72), every=4)
    names = names_of("first", range(len(CONCEPTS)))
    shares = {
        check: fit(
            wrong, names=names, recipe=recipe(check_labels=check)
        ).space.record.informativeness
        for check in (False, True)
    }
    assert shares[False] < 0.8 < shares[True]  # type: ignore[operator]


def test_class_means_of_few_labels_come_nearer_to_those_of_all_by_the_unlabelled_rows() -> None:
    whole = train_rows(120, names="first")["first"]
    few = partly_labelled({"first": whole}, 6)["first"]

    def means(rows: LabelledRows, **changes: bool) -> torch.Tensor:
        aligner = build("first")
        fit_statistics(aligner, rows, count=6, training=TrainingRecipe(**changes))
        return aligner.concept_means.means

    near = (means(few, use_unlabelled=True) * means(whole)).sum(dim=-1)
    far = (means(few) * means(whole)).sum(dim=-1)
    assert near.mean() > far.mean() + 0.02
    assert torch.equal(means(whole, use_unlabelled=True), means(whole))


def test_an_aligner_with_statistics_of_its_own_is_refused_where_labels_are_to_be_checked() -> None:
    class Own(nn.Module):
        def fit_statistics(self, *_: object, **__: object) -> None: ...

    rows = train_rows(12, names="first")["first"]
    assert fit_statistics(Own(), rows, count=6, training=TrainingRecipe()) is rows  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"check_labels.*Own"):
        fit_statistics(Own(), rows, count=6, training=TrainingRecipe(check_labels=True))  # type: ignore[arg-type]
