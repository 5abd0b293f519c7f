"""Training on synthetic rows of two modalities that see the same concepts in their own widths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from spaner_core.data.labelled import LabelledRows, join_labelled
from spaner_core.errors import ConfigError, DataError
from spaner_core.evaluation.retrieval import retrieval_by_pair
from spaner_core.features.rows import FeatureRows
from spaner_core.modality import FeatureSpec
from spaner_core.positives import Labels as Known
from spaner_core.recipe import PromptRecipe, Recipe, TrainingRecipe
from spaner_core.training.attach import fit_attached
from spaner_core.training.joint import Labels, Trained, fit_space
from torch import Tensor

from tests import toy_modality

CONCEPTS = ("a", "b", "c", "d", "e", "f")
WIDTHS = {"first": 12, "second": 20, "third": 9}
RECIPE = Recipe(prompt=PromptRecipe(dim=16), training=TrainingRecipe(max_steps=40, warmup_steps=4))


def synthetic(
    name: str, concepts: Sequence[int], *, seed: int, items: Sequence[int] | None = None
) -> LabelledRows:
    """Synthetic rows: two tokens near a centre that each concept (or item) has in `name`."""
    width, what = WIDTHS[name], torch.tensor(items if items is not None else concepts)
    centres = torch.randn(64, width, generator=torch.Generator().manual_seed(width))
    generator = torch.Generator().manual_seed(seed)
    values = centres[what].unsqueeze(1) + 0.5 * torch.randn(
        len(what), 2, width, generator=generator
    )
    nothing = torch.full((len(what),), -1)
    return LabelledRows(
        features=FeatureRows(values=values, mask=torch.ones(len(what), 2, dtype=torch.bool)),
        concepts=nothing if items is not None else what,
        items=nothing if items is None else what,
    )


def train_rows(count: int = 48, *, seed: int = 0, names: str = "first second") -> dict[str, Any]:
    places = [i % len(CONCEPTS) for i in range(count)]
    return {name: synthetic(name, places, seed=seed + WIDTHS[name]) for name in names.split()}


def build(name: str, **options: object) -> Any:
    return toy_modality.spaner_build_aligner(
        FeatureSpec(dim=WIDTHS[name]), RECIPE.prompt.dim, {"hidden": 16, **options}
    )


def builders(names: Mapping[str, object]) -> dict[str, Any]:
    return {name: partial(build, name) for name in names}


def names_of(modality: str, texts: Sequence[int], *, places: Sequence[int] | None = None) -> Labels:
    """Embedded names: rows of the same kind, whose centres may say another concept's name."""
    rows = synthetic(modality, texts, seed=99)
    return Labels(
        modality=modality,
        rows=replace(rows, concepts=torch.tensor(places or range(len(texts)))),
    )


def train(
    rows: dict[str, LabelledRows],
    *,
    concepts: Sequence[str] = CONCEPTS,
    labels: Labels | None = None,
    recipe: Recipe = RECIPE,
) -> Trained:
    return fit_space(
        builders(rows), rows, concepts=concepts, labels=labels, recipe=recipe, device="cpu"
    )


def embed(trained: Trained, name: str, rows: LabelledRows, *, strength: float = 0.5) -> Tensor:
    aligner: Any = trained.aligners[name]
    with torch.no_grad():
        given: Tensor = aligner(
            rows.features.values,
            rows.features.mask,
            trained.prompt.anchors,
            beta=trained.prompt.beta,
            strength=strength,
        ).embedding
    return given


def recall(first: Tensor, second: Tensor, a: LabelledRows, b: LabelledRows) -> float:
    found = retrieval_by_pair(
        {"a": first, "b": second},
        {
            "a": Known(concepts=a.concepts, items=a.items),
            "b": Known(concepts=b.concepts, items=b.items),
        },
    )
    values = [found["a_to_b_recall@1"], found["b_to_a_recall@1"]]
    return sum(float(v or 0) for v in values) / 2


def held_out_recall(trained: Trained, *, names: str = "first second") -> float:
    rows = train_rows(60, seed=1000, names=names)
    one, other = names.split()
    return recall(
        embed(trained, one, rows[one]), embed(trained, other, rows[other]), rows[one], rows[other]
    )


def state(module: Any) -> dict[str, bytes]:
    return {k: v.detach().clone().numpy().tobytes() for k, v in module.state_dict().items()}


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(train_rows())


def test_held_out_rows_of_one_modality_find_those_of_the_other(trained: Trained) -> None:
    assert held_out_recall(trained) > 0.9
    assert not trained.tied
    assert trained.informativeness is None
    assert trained.label_modality is None


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


def test_same_seed_same_bytes_other_seed_other_bytes(trained: Trained) -> None:
    again = train(train_rows())
    other = train(train_rows(), recipe=replace(RECIPE, training=replace(RECIPE.training, seed=1)))
    assert state(again.prompt) == state(trained.prompt)
    for name in ("first", "second"):
        assert state(again.aligners[name]) == state(trained.aligners[name])
        assert state(other.aligners[name]) != state(trained.aligners[name])


def test_training_moves_the_scalars_and_leaves_the_anchors_where_they_were(
    trained: Trained,
) -> None:
    one = replace(RECIPE, training=replace(RECIPE.training, max_steps=1))
    started = train(train_rows(), recipe=one)
    assert torch.equal(started.prompt.anchors, trained.prompt.anchors)
    assert not torch.equal(started.prompt.log_beta, trained.prompt.log_beta)
    assert not torch.equal(started.prompt.log_scale, trained.prompt.log_scale)
    cosines = trained.prompt.anchors @ trained.prompt.anchors.T
    torch.testing.assert_close(
        cosines, torch.eye(6) * 1.2 - 0.2, atol=1e-5, rtol=0
    )  # still the simplex of 6


def test_attaching_by_labels_alone_changes_no_byte_and_reaches_the_others(
    trained: Trained,
) -> None:
    before = {"prompt": state(trained.prompt)} | {
        name: state(aligner) for name, aligner in trained.aligners.items()
    }
    old = embed(trained, "first", train_rows()["first"])
    rows = train_rows(names="third")["third"]
    aligner = attach_third(trained, rows)
    modules: dict[str, Any] = {"prompt": trained.prompt, **trained.aligners}
    for name, module in modules.items():
        assert state(module) == before[name]
    assert not any(p.requires_grad for p in trained.prompt.parameters())
    assert all(p.grad is None for p in trained.prompt.parameters())
    assert torch.equal(embed(trained, "first", train_rows()["first"]), old)
    attached = replace(trained, aligners={**trained.aligners, "third": aligner})
    assert held_out_recall(attached, names="third first") > 0.9
    assert held_out_recall(attached, names="second third") > 0.9


def test_unlabelled_rows_set_the_centre_of_an_attached_modality_and_nothing_else(
    trained: Trained,
) -> None:
    rows = train_rows(names="third")["third"]
    shifted = replace(rows.features, values=rows.features.values + 100)
    unlabelled = replace(rows, features=shifted, concepts=rows.concepts * 0 - 1)
    both = join_labelled([unlabelled, rows])
    few = replace(RECIPE.training, max_steps=3)
    alone, mixed = (attach_third(trained, part, training=few) for part in (rows, both))
    raw = mixed.reader(both.features.values, both.features.mask)
    torch.testing.assert_close(mixed.centre, raw.mean(dim=0))
    assert not torch.allclose(mixed.centre, alone.centre)
    assert torch.equal(mixed.concept_means.support, alone.concept_means.support)


def attach_third(
    trained: Trained, rows: LabelledRows, *, training: TrainingRecipe = RECIPE.training
) -> Any:
    return fit_attached(
        "third",
        partial(build, "third"),
        rows,
        trained.prompt,
        training=training,
        device="cpu",
    )


@pytest.mark.parametrize("concept", [0, -1])
def test_fewer_than_two_concepts_are_refused_by_name(trained: Trained, concept: int) -> None:
    rows = train_rows(names="first third")
    poor = replace(rows["third"], concepts=torch.full((48,), concept))
    with pytest.raises(DataError, match=r"'third'.*at least 2") as caught:
        train({**rows, "third": poor})
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"'third'.*at least 2"):
        attach_third(trained, poor)


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

    def forced(anchors: Any, labels: Labels | None) -> Trained:
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
    assert held_out_recall(train(rows, labels=names_of("first", range(6)))) > 0.9
