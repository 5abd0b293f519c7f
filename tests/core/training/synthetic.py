"""Synthetic rows of modalities that see the same concepts, and training on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from spaner_core.aligner import build_aligner
from spaner_core.data.labelled import LabelledRows
from spaner_core.evaluation.retrieval import retrieval_by_pair
from spaner_core.features.rows import FeatureRows
from spaner_core.modality import FeatureSpec
from spaner_core.positives import Labels
from spaner_core.recipe import PromptRecipe, Recipe, TrainingRecipe
from spaner_core.training.joint import ConceptNames, Trained, fit_space
from spaner_core.training.validation import ValidationRows
from torch import Tensor

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
    return build_aligner(
        FeatureSpec(dim=WIDTHS[name]), RECIPE.prompt.dim, {"hidden": 16, **options}
    )


def builders(names: Mapping[str, object]) -> dict[str, Any]:
    return {name: partial(build, name) for name in names}


def names_of(
    modality: str, texts: Sequence[int], *, places: Sequence[int] | None = None
) -> ConceptNames:
    """Embedded names: rows of the same kind, whose centres may say another concept's name."""
    rows = synthetic(modality, texts, seed=99)
    return ConceptNames(
        modality=modality,
        rows=replace(rows, concepts=torch.tensor(places or range(len(texts)))),
    )


def train(
    rows: dict[str, LabelledRows],
    *,
    concepts: Sequence[str] = CONCEPTS,
    labels: ConceptNames | None = None,
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
            "a": Labels(concepts=a.concepts, items=a.items),
            "b": Labels(concepts=b.concepts, items=b.items),
        },
    )
    values = [found["a_to_b_recall@1"], found["b_to_a_recall@1"]]
    return sum(float(v or 0) for v in values) / 2


def known(rows: LabelledRows, samples: Tensor | None = None) -> Labels:
    return Labels(concepts=rows.concepts, items=rows.items, samples=samples)


def held_out(**rows: LabelledRows) -> dict[str, ValidationRows]:
    return {
        name: ValidationRows(features=part.features, labels=known(part))
        for name, part in rows.items()
    }


def held_out_recall(trained: Trained, *, names: str = "first second") -> float:
    rows = train_rows(60, seed=1000, names=names)
    one, other = names.split()
    return recall(
        embed(trained, one, rows[one]), embed(trained, other, rows[other]), rows[one], rows[other]
    )


def state(module: Any) -> dict[str, bytes]:
    return {k: v.detach().clone().numpy().tobytes() for k, v in module.state_dict().items()}
