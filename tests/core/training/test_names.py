"""What names of concepts are good for, on synthetic rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from spaner_core.errors import ConfigError
from spaner_core.training.joint import Trained, fit_space
from spaner_core.training.material import ConceptNames

from tests.core.training.synthetic import (
    RECIPE,
    fit,
    held_out_recall,
    material,
    names_of,
    record,
    state,
    train,
    train_rows,
)


def test_informative_names_make_the_anchors_and_tie_their_modality() -> None:
    rows = train_rows()
    fitted = fit(rows, names=names_of("first", range(6)))
    tied = fitted.space
    assert tied.record.anchors == "labels"
    assert fitted.names_used
    assert tied.record.label_source == record("first")
    assert tied.record.informativeness is not None
    assert tied.record.informativeness > 0.95
    assert tied.prompt.label_map.shape == (12, 16)
    assert held_out_recall(tied) > 0.9


def test_the_tied_modality_starts_as_the_map_that_made_the_anchors() -> None:
    still = replace(RECIPE, training=replace(RECIPE.training, max_steps=1, learning_rate=1e-12))
    started = train(train_rows(), names=names_of("first", range(6)), recipe=still)
    label_map = started.prompt.label_map
    expected = label_map * 16**0.5 / label_map.norm()
    aligner: Any = started.aligner("first")
    torch.testing.assert_close(aligner.linear.weight.detach().T, expected)
    other: Any = started.aligner("second")
    assert other.linear.weight.shape == (16, 20)


def test_names_that_say_nothing_are_left_out_altogether() -> None:
    rows = train_rows()
    wrong = names_of("first", (1, 2, 3, 4, 5, 0))  # every name lies at another concept
    without = train(rows)
    fitted = fit(rows, names=wrong)
    left_out = fitted.space
    assert left_out.record.anchors == "random"
    assert not fitted.names_used
    assert left_out.record.informativeness == 0.0
    assert state(left_out.prompt) == state(without.prompt)
    assert state(left_out.aligner("first")) == state(without.aligner("first"))


def test_names_that_say_something_join_as_rows_under_random_anchors() -> None:
    rows = train_rows()
    fitted = fit(rows, names=names_of("first", (0, 1, 2, 4, 5, 3)))  # half the names are right
    half = fitted.space
    assert half.record.anchors == "random"
    assert fitted.names_used
    assert half.record.informativeness == pytest.approx(0.5, abs=0.1)
    assert half.prompt.label_map.numel() == 0
    assert torch.equal(half.prompt.anchors, train(rows).prompt.anchors)


def test_several_texts_of_a_concept_are_averaged() -> None:
    rows, places = train_rows(), [0, 1, 2, 3, 4, 5, 0, 0]
    labels = names_of("first", [0, 1, 2, 3, 4, 5, 0, 0], places=places)
    tied = train(rows, names=labels)
    raw = labels.rows.features.values.mean(dim=1)
    torch.testing.assert_close(tied.prompt.label_embeddings[0], raw[[0, 6, 7]].mean(dim=0))
    torch.testing.assert_close(tied.prompt.label_embeddings[4], raw[4])


def test_the_user_may_force_anchors_from_names_or_forbid_them() -> None:
    rows = train_rows()

    def forced(anchors: Any, names: ConceptNames | None) -> Trained:
        recipe = replace(RECIPE, prompt=replace(RECIPE.prompt, anchors=anchors))
        return fit(rows, names=names, recipe=recipe)

    wrong, right = names_of("first", (1, 2, 3, 4, 5, 0)), names_of("first", range(6))
    assert forced("labels", wrong).space.record.anchors == "labels"
    fitted = forced("random", right)
    random = fitted.space
    assert random.record.anchors == "random"
    assert fitted.names_used
    assert random.prompt.label_map.numel() == 0
    with pytest.raises(ConfigError, match=r"prompt\.anchors"):
        forced("labels", None)


def test_a_modality_that_cannot_embed_names_is_refused_as_their_source() -> None:
    class Silent(torch.nn.Module):
        def forward(self) -> None: ...

        def fit_statistics(self, *_: object, **__: object) -> None: ...

    given = material(train_rows(), names=names_of("first", range(6)))
    silent: Any = replace(given.modalities["first"], build=Silent)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"prompt\.labels_from.*'first'"):
        fit_space(replace(given, modalities={**given.modalities, "first": silent}), recipe=RECIPE)
