"""Synthetic rows of modalities that see the same concepts, and training on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from spaner_core.contract.modality import API_VERSION, FeatureSpec
from spaner_core.evaluation.retrieval import retrieval_by_pair
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import FeatureRows
from spaner_core.method.aligner import build_aligner
from spaner_core.recipe import PromptRecipe, Recipe, TrainingRecipe
from spaner_core.space.records import ModalityRecord
from spaner_core.space.space import Space
from spaner_core.space.trained import SpaceAligner
from spaner_core.training.joint import Trained, fit_space
from spaner_core.training.material import ConceptNames, Material, ModalityMaterial
from spaner_core.training.monitoring import Monitor
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


def names_of(
    modality: str, texts: Sequence[int], *, places: Sequence[int] | None = None
) -> ConceptNames:
    """Embedded names: rows of the same kind, whose centres may say another concept's name."""
    rows = synthetic(modality, texts, seed=99)
    return ConceptNames(
        modality=modality,
        rows=replace(rows, concepts=torch.tensor(places or range(len(texts)))),
    )


def material(
    rows: Mapping[str, LabelledRows],
    *,
    concepts: Sequence[str] = CONCEPTS,
    names: ConceptNames | None = None,
) -> Material:
    return Material(
        modalities={
            name: ModalityMaterial(record=record(name), build=partial(build, name), rows=part)
            for name, part in rows.items()
        },
        label_texts={concept: (concept,) for concept in concepts},
        names=names,
    )


def record(name: str) -> ModalityRecord:
    return ModalityRecord(
        modality=name,
        distribution="spaner-toy",
        version="1",
        api_version=API_VERSION,
        encoder_options={},
        aligner_options={"hidden": 16},
        encoder_fingerprint=f"encoder of {name}",
        transform_fingerprint=f"transform of {name}",
        features=FeatureSpec(dim=WIDTHS.get(name, 1)),
    )


def fit(
    rows: Mapping[str, LabelledRows],
    *,
    concepts: Sequence[str] = CONCEPTS,
    names: ConceptNames | None = None,
    recipe: Recipe = RECIPE,
    monitor: Monitor | None = None,
) -> Trained:
    given = material(rows, concepts=concepts, names=names)
    return fit_space(given, recipe=recipe, device="cpu", monitor=monitor)


def train(rows: Mapping[str, LabelledRows], **given: Any) -> Space:
    return fit(rows, **given).space


def with_aligner(space: Space, name: str, aligner: Any) -> Space:
    """Add a trained aligner to a space in memory."""
    every = {**aligners(space), name: aligner}
    parts = {
        n: SpaceAligner(
            record=material(train_rows(names=n))
            .modalities[n]
            .describe(space.concepts, prompt_fingerprint="", training={}),
            load=partial(every.__getitem__, n),
        )
        for n in every
    }
    return Space(space.prompt, space.record, blocks=space.blocks, aligners=parts)


def aligners(space: Space) -> dict[str, Any]:
    return {name: space.aligner(name) for name in space.modalities}


def embed(space: Space, name: str, rows: LabelledRows, *, strength: float = 0.5) -> Tensor:
    return torch.from_numpy(space.embed(name, rows.features, strength=strength))


def recall(first: Tensor, second: Tensor, a: LabelledRows, b: LabelledRows) -> float:
    found = retrieval_by_pair({"a": first, "b": second}, {"a": a.labels, "b": b.labels})
    values = [found["a_to_b_recall@1"], found["b_to_a_recall@1"]]
    return sum(float(v or 0) for v in values) / 2


def held_out_recall(trained: Space, *, names: str = "first second") -> float:
    rows = train_rows(60, seed=1000, names=names)
    one, other = names.split()
    return recall(
        embed(trained, one, rows[one]), embed(trained, other, rows[other]), rows[one], rows[other]
    )


def state(module: Any) -> dict[str, bytes]:
    return {k: v.detach().clone().numpy().tobytes() for k, v in module.state_dict().items()}
