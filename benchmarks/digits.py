"""Few-shot runs on the embedded digits, shared by the benchmarks beside this file.

Images, texts and synthetic speech of the ten digits; every run draws fresh support sets and fresh
weights from its seed, and is measured on the whole test split, which no support set touches.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from made_inputs import minilm as minilm_model
from page import progress as progress
from scipy import stats
from spaner.demo.dataset import write_dataset
from spaner.demo.texts import DIGITS
from spaner.project import Project
from spaner.splits import split_rows
from spaner.training.plan import count_parameters, labelled_rows, read_project_labels
from spaner_core import API_VERSION, Aligner, FeatureSpec
from spaner_core.data.matches import numbers_of
from spaner_core.devices import one_thread
from spaner_core.evaluation.coherence import coherence_by_pair
from spaner_core.evaluation.retrieval import retrieval_by_pair
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import flat_vectors
from spaner_core.recipe import Recipe
from spaner_core.space.records import AlignerRecord, ModalityRecord, PromptBlock, PromptRecord
from spaner_core.space.space import Space, SpaceAligner
from spaner_core.training.joint import fit_space
from spaner_core.training.material import ConceptNames, Material, ModalityMaterial
from spaner_registry.config.settings import read_config

CONFIG = """\
space: space
data: {{manifest: manifest.csv}}
prompt: {{labels_from: text, labels: labels.csv}}
modalities: {{text: {text}, vision: , audio: , sensor: }}
"""

TEXT = "text"
MODALITIES = (TEXT, "vision", "audio")


@dataclass(frozen=True, kw_only=True)
class Digits:
    """Features of the digits: training and test rows a modality, embedded names, builders.

    `features` says what each encoder gives.
    """

    train: Mapping[str, LabelledRows]
    test: Mapping[str, LabelledRows]
    labels: ConceptNames
    builders: Mapping[str, Callable[[], Aligner]]
    features: Mapping[str, FeatureSpec]


def load_digits(
    *, minilm: bool = False, english: bool = False, token_attention: bool = False
) -> Digits:
    """Extract features of the embedded digits.

    `minilm` reads texts with MiniLM, an English model, instead of hashed words; `english` leaves
    texts and names in other languages out.
    """
    encoder = f"{{encoder: {{model: {minilm_model()}}}}}" if minilm else ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder)
        config = folder / "plugins.yaml"
        config.write_text(CONFIG.format(text=encoder), encoding="utf-8")
        project = Project(read_config(config), device="cpu")
        return _extract(project, english=english, token_attention=token_attention)


def _extract(project: Project, *, english: bool, token_attention: bool) -> Digits:
    parts: dict[str, dict[str, LabelledRows]] = {"train": {}, "test": {}}
    for name in MODALITIES:
        for split, rows_of in parts.items():
            rows = split_rows(project.manifest, name, split).having("concept", DIGITS)
            if english and "language" in rows.cells:
                rows = rows.having("language", [None, "en"])
            stored = labelled_rows(project, name, rows, concepts=DIGITS)
            # the store is temporary, and every row counts as a sample
            rows_of[name] = replace(stored, features=stored.features.load(), samples=None)
    texts = read_project_labels(project)
    used = slice(0, 1 if english else None)  # English names come first
    pairs = [(concept, text) for concept in DIGITS for text in texts[concept][used]]
    numbers = numbers_of((concept for concept, _ in pairs), DIGITS)
    names = LabelledRows(
        features=project.assembly.extract(TEXT, [text for _, text in pairs]),
        concepts=numbers,
        items=torch.full_like(numbers, -1),
    )
    return Digits(
        train=parts["train"],
        test=parts["test"],
        labels=ConceptNames(modality=TEXT, rows=names),
        builders={
            name: _builder(project, name, token_attention=token_attention) for name in MODALITIES
        },
        features={name: project.assembly.modality(name).encoder.features for name in MODALITIES},
    )


def _builder(project: Project, name: str, *, token_attention: bool) -> Callable[[], Aligner]:
    spec = project.assembly.modality(name).encoder.features
    options = {"token_attention": token_attention}
    dim = project.config.prompt.dim
    return lambda: project.registry.load(name).build_aligner(spec, dim, options)


def draw_support(digits: Digits, shots: int | None, seed: int) -> dict[str, LabelledRows]:
    """Keep the labels of `shots` training rows a concept in every modality; None keeps them all.

    The other training rows stay without labels, as in a collection of which little is labelled:
    centre, scale and word frequencies are taken from them, nothing else is.
    """
    if shots is None:
        return dict(digits.train)
    generator = torch.Generator().manual_seed(seed)
    support = {}
    for name, rows in digits.train.items():
        concepts = torch.full_like(rows.concepts, -1)
        for concept in range(len(DIGITS)):
            places = torch.nonzero(rows.concepts == concept).flatten()
            chosen = places[torch.randperm(len(places), generator=generator)[:shots]]
            concepts[chosen] = concept
        support[name] = replace(rows, concepts=concepts)
    return support


def fit(
    digits: Digits,
    shots: int | None,
    seed: int,
    recipe: Recipe | None = None,
    *,
    concepts: Sequence[str] = DIGITS,
) -> Space:
    """Train a space on one support set; support and weights both follow the seed."""
    recipe = recipe or Recipe()
    recipe = replace(recipe, training=replace(recipe.training, seed=seed))
    with one_thread():
        support = draw_support(digits, shots, seed)
        modalities = {
            name: ModalityMaterial(
                record=origin(name, digits.features[name]),
                build=digits.builders[name],
                rows=rows,
            )
            for name, rows in support.items()
        }
        texts = {concept: (concept,) for concept in concepts}
        material = Material(modalities=modalities, label_texts=texts, names=digits.labels)
        return fit_space(material, recipe=recipe).space


def as_space(
    prompt: object,
    aligners: Mapping[str, Aligner],
    *,
    features: Mapping[str, FeatureSpec],
    concepts: Sequence[str] = DIGITS,
) -> Space:
    """Wrap trained parts as a space in memory, whose aligners read the anchors of `concepts`."""
    record = PromptRecord(
        concepts=tuple(concepts),
        label_texts={concept: (concept,) for concept in concepts},
        anchors="labels",
        dim=128,
        strength=0.5,
        label_source=origin("text", features["text"]),
    )
    parts = {
        name: SpaceAligner(
            record=AlignerRecord(
                **vars(origin(name, features[name])),
                prompt_fingerprint="",
                anchor_count=len(concepts),
                training={},
                concepts=(),
            ),
            load=partial(aligners.__getitem__, name),
        )
        for name in aligners
    }
    return Space(
        prompt,  # type: ignore[arg-type]
        record,
        blocks=[
            PromptBlock(fingerprint="", concepts=record.concepts, label_texts=record.label_texts)
        ],
        aligners=parts,
    )


def origin(name: str, features: FeatureSpec) -> ModalityRecord:
    """Say where a modality came from as far as a space that is never saved has to know."""
    return ModalityRecord(
        modality=name,
        distribution="",
        version="",
        api_version=API_VERSION,
        encoder_options={},
        aligner_options={},
        encoder_fingerprint="",
        transform_fingerprint="",
        features=features,
    )


def measure(digits: Digits, space: Space, strength: float = 0.5) -> dict[str, float]:
    """Measure the test split: mean R@1 and mAP over ordered pairs, cosines, kNN agreement."""
    embeddings = {
        name: torch.from_numpy(space.embed(name, rows.features, strength=strength))
        for name, rows in digits.test.items()
    }
    labels = {name: rows.labels for name, rows in digits.test.items()}
    references = {name: flat_vectors(rows.features) for name, rows in digits.test.items()}
    figures = {
        **retrieval_by_pair(embeddings, labels),
        **coherence_by_pair(embeddings, labels, references=references),
    }
    return {
        "recall@1": float(figures["mean_recall@1"] or 0),
        "map": float(figures["mean_map"] or 0),
        "matched_cosine": _mean(figures, "_matched_cosine"),
        "unmatched_cosine": _mean(figures, "_unmatched_cosine"),
        "modality_gap": _mean(figures, "_modality_gap"),
        "knn_agreement": _mean(figures, "_knn_agreement"),
    }


def _mean(figures: Mapping[str, float | None], ending: str) -> float:
    return float(np.mean([v for k, v in figures.items() if k.endswith(ending) and v is not None]))


def trained_parameters(space: Space) -> int:
    """Count what joint training changed: the prompt and every aligner."""
    parts = [space.prompt, *(space.aligner(name) for name in space.modalities)]
    return sum(map(count_parameters, parts))


def interval(values: Sequence[float]) -> str:
    """Return the mean and its 95% t-interval, as `0.912 ±0.004`."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.3f}"
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{mean:.3f} ±{half:.3f}"
