"""Measuring validation rows while aligners train."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from spaner_core.evaluation.coherence import coherence_by_pair
from spaner_core.evaluation.retrieval import retrieval_by_pair
from spaner_core.features.labelled import LabelledRows, join_labelled
from spaner_core.space.space import Space
from spaner_core.training.validation import SettledRows, Validation, in_use

from tests.core.training.synthetic import (
    aligners,
    embed,
    synthetic,
    train,
    train_rows,
)

NAMES = "first second third"


@pytest.fixture(scope="module")
def trained() -> Space:
    return train(train_rows(names=NAMES))


@pytest.fixture(scope="module")
def rows() -> dict[str, LabelledRows]:
    return train_rows(40, seed=1000, names=NAMES)


def figures(trained: Space, validation: Validation) -> dict[str, float | None]:
    return validation.figures(validation.embed(aligners(trained), trained.prompt))


def test_figures_are_means_over_pairs_of_what_an_evaluation_finds(
    trained: Space, rows: dict[str, LabelledRows]
) -> None:
    found = figures(trained, Validation(rows=rows, strength=0.3))
    embeddings = {name: embed(trained, name, part, strength=0.3) for name, part in rows.items()}
    labels = {name: part.labels for name, part in rows.items()}
    retrieved = retrieval_by_pair(embeddings, labels)
    coherent = coherence_by_pair(embeddings, labels)
    assert found["mean_map"] == pytest.approx(retrieved["mean_map"])
    assert found["mean_recall@1"] == pytest.approx(retrieved["mean_recall@1"])
    for name in ("modality_gap", "matched_cosine"):
        pairs = ("first_to_second", "first_to_third", "second_to_third")
        values = [coherent[f"{pair}_{name}"] for pair in pairs]
        assert found[f"mean_{name}"] == pytest.approx(sum(v or 0 for v in values) / 3)


def test_a_sample_with_several_concepts_is_measured_once(
    trained: Space, rows: dict[str, LabelledRows]
) -> None:
    first, second = rows["first"], rows["second"]
    again = replace(first.take(torch.arange(40)), concepts=(first.concepts + 1) % 6)
    twice = replace(join_labelled([first, again]), samples=torch.arange(40).repeat(2))
    validation = Validation(
        rows={
            "first": twice,
            "second": second,
        },
        strength=0.5,
    )
    embeddings = {"a": embed(trained, "first", first), "b": embed(trained, "second", second)}
    expected = retrieval_by_pair(
        {"a": embeddings["a"].repeat(2, 1), "b": embeddings["b"]},
        {"a": twice.labels, "b": second.labels},
    )
    assert figures(trained, validation)["mean_map"] == pytest.approx(expected["mean_map"])


@pytest.mark.parametrize("strength", [0.0, 0.5, 0.9, 1.0])
def test_the_share_of_the_pull_is_that_of_a_slow_loop(
    trained: Space, rows: dict[str, LabelledRows], strength: float
) -> None:
    found = figures(trained, Validation(rows=rows, strength=strength))
    aligner: Any = trained.aligner("second")
    loaded, shares = rows["second"].features.load(), []
    for values, mask in zip(loaded.values, loaded.mask, strict=True):
        with torch.no_grad():
            _, h, w = aligner(
                values[None], mask[None], trained.prompt.anchors,
                beta=trained.prompt.beta, strength=strength,
            )  # fmt: skip
        prompted = sum(strength * float(w[0, c]) * trained.prompt.anchors[c] for c in range(6))
        own = (1 - strength) * h[0]
        assert isinstance(prompted, torch.Tensor)
        shares.append(float(prompted.norm() / (prompted.norm() + own.norm())))
    assert found["second_pull_share"] == pytest.approx(sum(shares) / len(shares), abs=1e-6)


def test_without_any_anchor_nothing_comes_from_the_prompt(trained: Space) -> None:
    items = range(12)
    paired = {name: synthetic(name, [], seed=6, items=items) for name in ("first", "second")}
    free = train(paired, concepts=())
    validation = Validation(rows=paired, strength=1.0)
    found = figures(free, validation)
    assert found["first_pull_share"] == 0.0
    assert found["mean_map"] is not None


def test_settled_modalities_are_compared_with_the_others_alone(
    trained: Space, rows: dict[str, LabelledRows]
) -> None:
    settled = {
        name: SettledRows(embeddings=embed(trained, name, rows[name]), labels=rows[name].labels)
        for name in ("first", "second")
    }
    spoilt = {
        **settled,
        "second": replace(settled["second"], embeddings=settled["first"].embeddings.flip(0)),
    }
    third = {"third": rows["third"]}
    found = figures(trained, Validation(rows=third, strength=0.5, settled=settled))
    worse = figures(trained, Validation(rows=third, strength=0.5, settled=spoilt))
    pairs = [
        figures(trained, Validation(rows=third, strength=0.5, settled={name: settled[name]}))
        for name in settled
    ]
    for name in ("mean_map", "mean_recall@1", "mean_modality_gap", "mean_matched_cosine"):
        assert found[name] == pytest.approx(sum(pair[name] or 0 for pair in pairs) / 2)
        assert found[name] != worse[name]
    assert list(found)[4:] == ["third_pull_share"]


def test_measuring_leaves_modes_and_random_generators_as_they_were(
    trained: Space, rows: dict[str, LabelledRows]
) -> None:
    aligner: Any = trained.aligner("first")
    aligner.train()
    aligner.mlp.eval()  # a part that its author keeps out of training
    state = torch.get_rng_state()
    validation = Validation(rows=rows, strength=0.5)
    embedded = validation.embed(aligners(trained), trained.prompt)
    assert torch.equal(torch.get_rng_state(), state)
    modes = {part.training for part in aligner.mlp.modules()}
    assert (aligner.training, aligner.dropout.training, modes) == (True, True, {False})
    aligner.eval()
    torch.testing.assert_close(
        embedded["first"].embeddings, embed(trained, "first", rows["first"])
    )  # no dropout was at work


def test_modes_come_back_after_an_error_too(trained: Space) -> None:
    aligner: Any = trained.aligner("second")
    aligner.train()

    def fail() -> None:
        with in_use([aligner]):
            assert not aligner.dropout.training
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert aligner.training
    assert aligner.dropout.training
    aligner.eval()


def test_rows_without_counterparts_have_no_retrieval_to_measure(trained: Space) -> None:
    alone = Validation(rows={"first": synthetic("first", [0, 1], seed=1)}, strength=0.5)
    strangers = Validation(
        rows={
            "first": synthetic("first", [0, 1], seed=1),
            "second": synthetic("second", [2, 3], seed=1),
        },
        strength=0.5,
    )
    for validation in (alone, strangers):
        assert not validation.has_matches()
        found = figures(trained, validation)
        assert (found["mean_map"], found["mean_recall@1"]) == (None, None)
        assert found["first_pull_share"] is not None
    last = [0] * 299 + [3]  # in a later block than the first
    late = {
        "first": synthetic("first", last, seed=1),
        "second": synthetic("second", [2, 3], seed=1),
    }
    assert Validation(rows=late, strength=0.5).has_matches()
