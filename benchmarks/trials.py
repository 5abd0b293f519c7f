"""Draws what a trial trains on, trains or attaches it and measures it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial

import torch
from datasets import Dataset, Rows
from spaner_core import Aligner, FeatureSpec, Reader
from spaner_core.data.matches import NONE, Labels
from spaner_core.devices import one_thread
from spaner_core.evaluation.retrieval import retrieval_by_item, retrieval_by_pair
from spaner_core.features.labelled import LabelledRows, join_labelled
from spaner_core.features.rows import FeatureRows
from spaner_core.method.aligner import build_aligner
from spaner_core.recipe import THING_STRENGTH, Recipe, TrainingRecipe
from spaner_core.space.records import Same
from spaner_core.space.space import Space
from spaner_core.space.trained import SpaceAligner
from spaner_core.training.attached import fit_attached
from spaner_core.training.joint import fit_space
from spaner_core.training.settled import embed_once
from torch import Tensor


def draw_support(rows: Rows, shots: int | None, seed: int) -> dict[str, LabelledRows]:
    """Keep the labels of `shots` training rows a concept in every modality; None keeps them all.

    The other training rows stay without concept, as in a collection of which little is labelled.
    """
    if shots is None:
        return dict(rows)
    generator = torch.Generator().manual_seed(seed)
    support = {}
    for name, part in rows.items():
        concepts = torch.full_like(part.concepts, NONE)
        for concept in part.known_concepts:
            places = torch.nonzero(part.concepts == concept).flatten()
            chosen = places[torch.randperm(len(places), generator=generator)[:shots]]
            concepts[chosen] = concept
        support[name] = replace(part, concepts=concepts)
    return support


def pair_at_random(dataset: Dataset, seed: int) -> Dataset:
    """Pair training rows of a concept at random, across all modalities, and take concepts away.

    What is held out shows "the same item" where it has the same concept: which row of a concept
    another was paired with says nothing of either.
    """
    generator = torch.Generator().manual_seed(seed)
    most = max(map(len, dataset.train.values()))
    paired = {}
    for name, rows in dataset.train.items():
        items = torch.full_like(rows.items, NONE)
        for concept in rows.known_concepts:
            places = torch.nonzero(rows.concepts == concept).flatten()
            order = torch.randperm(len(places), generator=generator)
            items[places[order]] = concept * most + torch.arange(len(places))
        paired[name] = replace(rows, items=items, concepts=torch.full_like(items, NONE))
    return replace(
        dataset.with_train(paired),
        held_out={
            split: {
                name: replace(part, items=part.concepts, concepts=torch.full_like(part.items, NONE))
                for name, part in rows.items()
            }
            for split, rows in dataset.held_out.items()
        },
    )


def draw_validation(dataset: Dataset, seed: int, *, share: float = 0.25) -> Dataset:
    """Draw anew which items train and which validate, by item and concept; the test split stays."""
    known = {
        name: join_labelled([rows, dataset.held_out["validation"][name]])
        for name, rows in dataset.train.items()
    }
    generator = torch.Generator().manual_seed(seed)
    drawn = [
        items[torch.randperm(len(items), generator=generator)[: max(1, round(share * len(items)))]]
        for items in _items_by_concept(known)
    ]
    measured = torch.cat(drawn)
    marks = {name: torch.isin(rows.items, measured) for name, rows in known.items()}
    train = {n: rows.take((~marks[n]).nonzero().flatten()) for n, rows in known.items()}
    validation = {n: rows.take(marks[n].nonzero().flatten()) for n, rows in known.items()}
    held_out = {**dataset.held_out, "validation": validation}
    return replace(dataset.with_train(train), held_out=held_out)


def _items_by_concept(rows: Rows) -> list[Tensor]:
    """Return the items of each concept, each where its first row has it."""
    concept_of: dict[int, int] = {}
    for part in rows.values():
        for item, concept in zip(part.items.tolist(), part.concepts.tolist(), strict=True):
            if item != NONE:
                concept_of.setdefault(item, concept)
    grouped: dict[int, list[int]] = {}
    for item, concept in sorted(concept_of.items()):
        grouped.setdefault(concept, []).append(item)
    return [torch.tensor(items) for _, items in sorted(grouped.items())]


def read_once(dataset: Dataset, name: str, reader: Reader) -> Dataset:
    """Have `reader` read the rows of a modality here, once for all trials: as a single token each.

    For a reader without weights that takes nothing from training rows. The aligner around it is
    core's, and its concepts' names must not be of this modality.
    """
    features = FeatureSpec(dim=reader.width, tokens=1)

    def build(modality: str, options: Mapping[str, object]) -> Aligner:
        if modality != name:
            return dataset.build(modality, options)
        return build_aligner(features, Recipe().prompt.dim, options)

    part = dataset.material.modalities[name]
    read = replace(
        part, record=replace(part.record, features=features), rows=_read(part.rows, reader)
    )
    return replace(
        dataset,
        material=replace(dataset.material, modalities={**dataset.material.modalities, name: read}),
        held_out={
            split: {**rows, name: _read(rows[name], reader)}
            for split, rows in dataset.held_out.items()
        },
        features={**dataset.features, name: features},
        build=build,
    ).with_options()


def _read(rows: LabelledRows, reader: Reader) -> LabelledRows:
    loaded = rows.features.load()
    values = reader(loaded.values, loaded.mask).unsqueeze(1)  # (n, 1, P)
    mask = torch.ones(values.shape[:2], dtype=torch.bool)
    return replace(rows, features=FeatureRows(values=values, mask=mask))


def fit(
    dataset: Dataset, *, seed: int, recipe: Recipe | None = None, rows: Rows | None = None
) -> Space:
    """Train a space as `spaner train` does, weights drawn by the seed."""
    recipe = recipe or Recipe()
    recipe = replace(recipe, training=replace(recipe.training, seed=seed))
    material = dataset.material if rows is None else dataset.material.with_rows(rows)
    with one_thread():
        return fit_space(material, recipe=recipe, device="cpu").space


def attach(dataset: Dataset, space: Space, name: str, *, by: Collection[str], seed: int) -> Space:
    """Attach a modality as `spaner attach` does, by its "labels", by "pairs" or by both."""
    part = dataset.material.modalities[name]
    rows, names, partners = part.rows, dataset.material.names, {}
    if "labels" not in by:
        rows = replace(rows, concepts=torch.full_like(rows.concepts, NONE))
    if "pairs" in by:
        mine = rows.items[rows.items > NONE]
        for other in space.modalities:
            theirs = dataset.train[other]
            shared = theirs.take(torch.isin(theirs.items, mine).nonzero().flatten())
            partners[other] = embed_once(space, other, shared)
    with one_thread():
        aligner = fit_attached(
            name,
            part.build,
            rows,
            space.prompt,
            names=names if names and names.modality == name else None,
            partners=partners,
            recipe=Recipe(training=TrainingRecipe(seed=seed)),
            device="cpu",
        )
    aligners = {
        other: SpaceAligner(record=space.records[other], load=partial(space.aligner, other))
        for other in space.modalities
    }
    record = part.describe(space.concepts, prompt_fingerprint="", training={})
    aligners[name] = SpaceAligner(record=record, load=lambda: aligner)
    return Space(space.prompt, space.record, blocks=space.blocks, aligners=aligners)


def embed(space: Space, rows: Rows, strength: float | Same | None) -> dict[str, Tensor]:
    """Embed rows at a pull strength, by modality."""
    return {
        name: torch.from_numpy(space.embed(name, part.features, strength=strength))
        for name, part in rows.items()
    }


def kinds(rows: Rows) -> dict[str, Labels]:
    """Return the labels of rows without their items."""
    return {
        name: replace(part.labels, items=torch.full_like(part.items, NONE))
        for name, part in rows.items()
    }


def measure(space: Space, rows: Rows) -> dict[str, float | None]:
    """Measure by ordered pair: kinds at the space's strength for them, things at 0.

    Names are those of `retrieval_by_pair` and `retrieval_by_item`.
    """
    labels = {name: part.labels for name, part in rows.items()}
    figures: dict[str, float | None] = {}
    if any(part.known_concepts for part in rows.values()):
        figures |= retrieval_by_pair(embed(space, rows, None), kinds(rows))
    return figures | retrieval_by_item(embed(space, rows, THING_STRENGTH), labels)
