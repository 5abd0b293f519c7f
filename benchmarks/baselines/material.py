"""The embedded digits in memory, in three splits, and few-shot tasks drawn from them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from digits import Digits, draw_support
from made_inputs import minilm
from spaner.demo.dataset import write_dataset
from spaner.demo.texts import DIGITS, SPLITS
from spaner.project import Project
from spaner.splits import split_rows
from spaner.training.plan import labelled_rows, read_project_labels
from spaner_core.contract.modality import Aligner
from spaner_core.data.manifest import Rows
from spaner_core.data.matches import Labels, numbers_of
from spaner_core.features.labelled import LabelledRows
from spaner_core.training.material import ConceptNames
from spaner_registry.config.settings import read_config

from baselines.heads import WIDTH
from baselines.task import TEXT, BuildAligner, Task, Written

MODALITIES = (TEXT, "vision", "audio")


@dataclass(frozen=True, kw_only=True)
class Material:
    """Rows by split and modality, the texts themselves by split, names, and a builder."""

    rows: Mapping[str, Mapping[str, LabelledRows]]
    texts: Mapping[str, Sequence[str]]
    names: LabelledRows
    name_texts: Sequence[str]
    build: BuildAligner

    def task(self, split: str, *, shots: int, seed: int) -> Task:
        """Draw a support set as `digits.draw_support` does; `split` is what is to be embedded."""
        digits = Digits(
            train=self.rows["train"],
            test=self.rows[split],
            labels=ConceptNames(modality=TEXT, rows=self.names),
            builders={},
            features={},
        )
        return Task(
            rows=draw_support(digits, shots, seed),
            names=self.names,
            shown={name: part.features.load() for name, part in self.rows[split].items()},
            written=Written(
                rows=self.texts["train"], names=self.name_texts, shown=self.texts[split]
            ),
            build=self.build,
            seed=seed,
        )

    def truth(self, split: str) -> dict[str, Labels]:
        """Return the labels of a split, for measuring."""
        return {name: rows.labels for name, rows in self.rows[split].items()}


def load_material(*, read_by_minilm: bool) -> Material:
    """Extract the features; texts are read as hashed words, or by MiniLM."""
    encoder = f"{{encoder: {{model: {minilm()}}}}}" if read_by_minilm else ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder)
        config = folder / "plugins.yaml"
        config.write_text(
            "space: space\ndata: {manifest: manifest.csv}\n"
            "prompt: {labels_from: text, labels: labels.csv}\n"
            f"modalities: {{text: {encoder}, vision: , audio: , sensor: }}\n",
            encoding="utf-8",
        )
        return _extract(Project(read_config(config), device="cpu"))


def _extract(project: Project) -> Material:
    manifest = project.manifest
    chosen = {
        split: {name: _digits_only(split_rows(manifest, name, split)) for name in MODALITIES}
        for split in SPLITS
    }
    rows = {
        split: {name: _in_memory(project, name, part) for name, part in parts.items()}
        for split, parts in chosen.items()
    }
    named = [(c, text) for c, texts in read_project_labels(project).items() for text in texts]
    named = [(concept, text) for concept, text in named if concept in DIGITS]
    texts = [text for _, text in named]
    numbers = numbers_of((concept for concept, _ in named), DIGITS)
    return Material(
        rows=rows,
        texts={split: [row.input for row in parts[TEXT]] for split, parts in chosen.items()},
        names=LabelledRows(
            features=project.assembly.extract(TEXT, texts),
            concepts=numbers,
            items=torch.full_like(numbers, -1),
        ),
        name_texts=texts,
        build=_builder(project),
    )


def _digits_only(rows: Rows) -> Rows:
    return rows.having("concept", DIGITS)


def _in_memory(project: Project, name: str, rows: Rows) -> LabelledRows:
    labelled = labelled_rows(project, name, rows, concepts=DIGITS)
    return replace(labelled, features=labelled.features.load(), samples=None)


def _builder(project: Project) -> BuildAligner:
    specs = {name: project.assembly.modality(name).encoder.features for name in MODALITIES}

    def build(name: str, options: Mapping[str, object]) -> Aligner:
        return project.registry.load(name).build_aligner(specs[name], WIDTH, options)

    return build
