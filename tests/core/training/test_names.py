"""What names of concepts are good for, on synthetic rows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from spaner_core.errors import ConfigError
from spaner_core.training.joint import ConceptNames, Trained, fit_space

from tests.core.training.synthetic import (
    CONCEPTS,
    RECIPE,
    build,
    held_out_recall,
    names_of,
    state,
    train,
    train_rows,
)


def test_informative_names_make_the_anchors_and_tie_their_modality() -> None:
    rows = train_rows()
    tied = train(rows, labels=names_of("first", range(6)))
    assert tied.tied
    assert tied.labels_used
    assert tied.label_modality == "first"
    assert tied.informativeness is not None
    assert tied.informativeness > 0.95
    assert tied.prompt.label_map.shape == (12, 16)
    assert held_out_recall(tied) > 0.9


def test_the_tied_modality_starts_as_the_map_that_made_the_anchors() -> None:
    still = replace(RECIPE, training=replace(RECIPE.training, max_steps=1, learning_rate=1e-12))
    started = train(train_rows(), labels=names_of("first", range(6)), recipe=still)
    label_map = started.prompt.label_map
    expected = label_map * 16**0.5 / label_map.norm()
    aligner: Any = started.aligners["first"]
    torch.testing.assert_close(aligner.linear.weight.detach().T, expected)
    other: Any = started.aligners["second"]
    assert other.linear.weight.shape == (16, 20)


def test_names_that_say_nothing_are_left_out_altogether() -> None:
    rows = train_rows()
    wrong = names_of("first", (1, 2, 3, 4, 5, 0))  # every name lies at another concept
    without = train(rows)
    left_out = train(rows, labels=wrong)
    assert not left_out.tied
    assert not left_out.labels_used
    assert left_out.informativeness == 0.0
    assert state(left_out.prompt) == state(without.prompt)
    assert state(left_out.aligners["first"]) == state(without.aligners["first"])


def test_names_that_say_something_join_as_rows_under_random_anchors() -> None:
    rows = train_rows()
    half = train(rows, labels=names_of("first", (0, 1, 2, 4, 5, 3)))  # half the names are right
    assert not half.tied
    assert half.labels_used
    assert half.informativeness == pytest.approx(0.5, abs=0.1)
    assert half.prompt.label_map.numel() == 0
    assert torch.equal(half.prompt.anchors, train(rows).prompt.anchors)


def test_several_texts_of_a_concept_are_averaged() -> None:
    rows, places = train_rows(), [0, 1, 2, 3, 4, 5, 0, 0]
    labels = names_of("first", [0, 1, 2, 3, 4, 5, 0, 0], places=places)
    tied = train(rows, labels=labels)
    raw = labels.rows.features.values.mean(dim=1)
    torch.testing.assert_close(tied.prompt.label_embeddings[0], raw[[0, 6, 7]].mean(dim=0))
    torch.testing.assert_close(tied.prompt.label_embeddings[4], raw[4])


def test_the_user_may_force_anchors_from_names_or_forbid_them() -> None:
    rows = train_rows()

    def forced(anchors: Any, labels: ConceptNames | None) -> Trained:
        recipe = replace(RECIPE, prompt=replace(RECIPE.prompt, anchors=anchors))
        return train(rows, labels=labels, recipe=recipe)

    wrong, right = names_of("first", (1, 2, 3, 4, 5, 0)), names_of("first", range(6))
    assert forced("labels", wrong).tied
    random = forced("random", right)
    assert not random.tied
    assert random.labels_used
    assert random.prompt.label_map.numel() == 0
    with pytest.raises(ConfigError, match=r"prompt\.anchors"):
        forced("labels", None)


def test_a_modality_that_cannot_embed_names_is_refused_as_their_source() -> None:
    class Silent(torch.nn.Module):
        def forward(self) -> None: ...

        def fit_statistics(self, *_: object, **__: object) -> None: ...

    rows = train_rows()
    with pytest.raises(ConfigError, match=r"prompt\.labels_from.*'first'"):
        fit_space(
            {"first": Silent, "second": partial(build, "second")},  # type: ignore[dict-item]
            rows,
            concepts=CONCEPTS,
            labels=names_of("first", range(6)),
            recipe=RECIPE,
            device="cpu",
        )
