"""Emoji pictures and their descriptions, shared by the benchmarks beside this file.

Real pictures read by EfficientNet-lite0, English names and keywords read by MiniLM, from the
project that `scripts/make_emoji.py` writes: an item is an emoji, a concept its Unicode subgroup.
Every run draws weights from its seed and, where it does not judge the test split, which items are
measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from digits import origin
from made_inputs import minilm
from spaner.project import Project
from spaner.splits import split_rows
from spaner.training.plan import concept_names, labelled_rows, read_project_labels
from spaner_core import Aligner, FeatureSpec
from spaner_core.devices import one_thread
from spaner_core.evaluation.retrieval import retrieval_by_item, retrieval_by_pair
from spaner_core.features.labelled import LabelledRows, join_labelled
from spaner_core.recipe import Recipe
from spaner_core.space.space import Space
from spaner_core.training.joint import fit_space
from spaner_core.training.material import ConceptNames, Material, ModalityMaterial
from spaner_registry.config.settings import read_config

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "tests" / "emoji"
MODALITIES = ("text", "vision")
HELD_OUT = 0.25
"""Share of each concept's items of train and validation that a seed measures."""

QUICK = """\
space: space
data: {{manifest: {sample}/manifest.csv}}
features: {{store: features}}
prompt: {{labels_from: text, labels: {sample}/labels.csv}}
modalities: {{text: {{encoder: {{model: {text}}}}}, vision: {{encoder: {{model: ./vision}}}}}}
"""

Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Emoji:
    """Features by modality of the `known` items (train and validation) and of the `test` items.

    `features` says what each encoder gives; `texts` are the concepts' names and `names` their
    features.
    """

    known: Mapping[str, LabelledRows]
    test: Mapping[str, LabelledRows]
    features: Mapping[str, FeatureSpec]
    texts: Mapping[str, tuple[str, ...]]
    names: ConceptNames


def write_emoji(folder: Path) -> Path:
    """Write the whole project, real encoders included; return its configuration's path."""
    command = [sys.executable, str(ROOT / "scripts" / "make_emoji.py"), str(folder)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return folder / "plugins.yaml"


def write_quick(folder: Path) -> Path:
    """Configure the sample of the tests, with random weights in place of EfficientNet-lite0's."""
    import timm
    from timm.models import save_for_hf

    torch.manual_seed(0)
    model = timm.create_model("tf_efficientnet_lite0")
    save_for_hf(model, str(folder / "vision"), safe_serialization=True)
    sample = os.path.relpath(SAMPLE, folder)
    config = folder / "plugins.yaml"
    config.write_text(QUICK.format(sample=sample, text=minilm()), encoding="utf-8")
    return config


def load_emoji(config: Path) -> Emoji:
    """Extract features of texts and pictures."""
    project = Project(read_config(config), device="cpu")
    texts = read_project_labels(project)
    parts: dict[str, dict[str, LabelledRows]] = {}
    for split in ("train", "validation", "test"):
        parts[split] = {}
        for name in MODALITIES:
            rows = split_rows(project.manifest, name, split)
            stored = labelled_rows(project, name, rows, concepts=tuple(texts))
            parts[split][name] = replace(stored, features=stored.features.load(), samples=None)
    return Emoji(
        known={n: join_labelled([parts["train"][n], parts["validation"][n]]) for n in MODALITIES},
        test=parts["test"],
        features={name: project.assembly.modality(name).encoder.features for name in MODALITIES},
        texts=texts,
        names=concept_names(project, "text", texts),
    )


def draw_split(emoji: Emoji, seed: int) -> tuple[dict[str, LabelledRows], dict[str, LabelledRows]]:
    """Draw what is trained on and what is measured from the known items, by item and concept."""
    generator = torch.Generator().manual_seed(seed)
    first = emoji.known[MODALITIES[0]]
    held: list[int] = []
    for concept in first.known_concepts:
        items = sorted(set(first.items[first.concepts == concept].tolist()))
        count = max(1, round(HELD_OUT * len(items)))
        held += _drawn(items, count, generator)
    measured = {n: torch.isin(r.items, torch.tensor(held)) for n, r in emoji.known.items()}
    train = {n: r.take((~measured[n]).nonzero().flatten()) for n, r in emoji.known.items()}
    return train, {n: r.take(measured[n].nonzero().flatten()) for n, r in emoji.known.items()}


def keep_labels(rows: Mapping[str, LabelledRows], shots: int, seed: int) -> dict[str, LabelledRows]:
    """Keep `shots` items a concept, in every modality, and leave the others out."""
    generator = torch.Generator().manual_seed(seed)
    first = rows[MODALITIES[0]]
    kept: list[int] = []
    for concept in first.known_concepts:
        items = sorted(set(first.items[first.concepts == concept].tolist()))
        kept += _drawn(items, shots, generator)
    return {
        n: r.take(torch.isin(r.items, torch.tensor(kept)).nonzero().flatten())
        for n, r in rows.items()
    }


def _drawn(items: Sequence[int], count: int, generator: torch.Generator) -> list[int]:
    order = torch.randperm(len(items), generator=generator)
    return [items[place] for place in order[:count].tolist()]


def fit(
    emoji: Emoji,
    rows: Mapping[str, LabelledRows],
    builders: Mapping[str, Callable[[], Aligner]],
    *,
    seed: int,
    steps: int | None = None,
) -> Space:
    """Train a space on the rows, with the usual recipe but for the `steps` that are given."""
    recipe = Recipe()
    training = replace(recipe.training, seed=seed, max_steps=steps or recipe.training.max_steps)
    recipe = replace(recipe, training=training)
    modalities = {
        name: ModalityMaterial(
            record=origin(name, emoji.features[name]), build=builders[name], rows=part
        )
        for name, part in rows.items()
    }
    material = Material(modalities=modalities, label_texts=emoji.texts, names=emoji.names)
    with one_thread():
        return fit_space(material, recipe=recipe).space


def measure(space: Space, rows: Mapping[str, LabelledRows]) -> Figures:
    """Measure concepts at strength 0.5 and items at strength 0, mean of both directions."""
    labels = {name: part.labels for name, part in rows.items()}
    kind, thing = (
        {
            name: torch.from_numpy(space.embed(name, part.features, strength=strength))
            for name, part in rows.items()
        }
        for strength in (0.5, 0.0)
    )
    concepts, items = retrieval_by_pair(kind, labels), retrieval_by_item(thing, labels)
    return {
        "concept R@1": float(concepts["mean_recall@1"] or 0),
        "concept mAP": float(concepts["mean_map"] or 0),
        "item R@1": float(items["mean_item_recall@1"] or 0),
        "item MRR": float(items["mean_item_mrr@10"] or 0),
    }
