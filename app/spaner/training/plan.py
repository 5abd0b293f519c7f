"""Plans a training from configuration and manifest, and prepares its material."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from spaner_core.data.label_texts import complete_label_texts, read_label_texts
from spaner_core.data.manifest import Rows
from spaner_core.data.matches import number_rows, numbers_of
from spaner_core.devices import one_thread
from spaner_core.errors import ConfigError, DataError
from spaner_core.features.labelled import LabelledRows
from spaner_core.recipe import TrainingRecipe
from spaner_core.training.material import ConceptNames, Material, ModalityMaterial

from spaner.project import Project
from spaner.splits import TRAIN_SPLIT, split_rows, trained_split
from spaner.usable_rows import UsableRows

STEP_S = 0.02
"""What a step takes besides its products: drawing, loading, the losses.

Two, three, four modalities of the demonstration took 0.020, 0.026, 0.032 on one busy thread.
"""


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What would train: the concepts with their texts, and each modality's manifest rows.

    `names_from` is the modality that embeds the texts, None where none does.
    """

    label_texts: Mapping[str, tuple[str, ...]]
    names_from: str | None
    rows: Mapping[str, Rows]

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept that gets an anchor, in the order of the anchors."""
        return tuple(self.label_texts)

    def settle_steps(self, training: TrainingRecipe) -> TrainingRecipe:
        """Have the number of steps follow the rows, as training itself does."""
        return training.following(
            rows=max(len(rows.labelled) for rows in self.rows.values()),
            concepts=len({concept for rows in self.rows.values() for concept in rows.concepts}),
        )


def plan_training(
    project: Project, names: Sequence[str], *, names_apart: bool = False
) -> TrainingPlan:
    """Plan the training of a new space with the modalities `names`.

    With `names_apart` another modality may be to embed the concepts' names. Raises `ConfigError`
    and `DataError` where it cannot train, or stored features are stale.
    """
    label_texts = read_project_labels(project)
    apart = names_apart and project.config.prompt.labels_from not in (None, *names)
    plan = TrainingPlan(
        label_texts=label_texts,
        names_from=None if apart else label_modality(project, names, label_texts),
        rows={name: training_rows(project, name) for name in names},
    )
    plan.settle_steps(project.config.recipe.training)  # refuses a warm-up that is too long
    project.freshness.check(names)
    return plan


def count_parameters(aligner: Any) -> int:
    """Count the trainable parameters that an aligner was built with."""
    return sum(parameter.numel() for parameter in aligner.parameters())


def expected_seconds(parameters: int, training: TrainingRecipe) -> float:
    """Guess how long aligners of so many parameters train, by a map of their size, timed here."""
    width = 256
    stand_in = torch.nn.Linear(max(parameters // width, 1), width)
    rows = torch.randn(training.per_device_train_batch_size, stand_in.in_features)
    optimizer = torch.optim.AdamW(stand_in.parameters())
    with one_thread():
        for _ in range(3):  # the first one loads code, too
            start = time.perf_counter()
            stand_in(rows).square().mean().backward()
            optimizer.step()
            step_s = time.perf_counter() - start
    return training.steps * (STEP_S + step_s)


def read_project_labels(project: Project) -> dict[str, tuple[str, ...]]:
    """Return every concept that gets an anchor, sorted, with the texts that it is called by."""
    path = project.config.prompt.labels
    given = read_label_texts(path) if path else {}
    trained = project.manifest.select(split=trained_split(project.manifest))
    concepts = trained.concepts
    return complete_label_texts(concepts, given)


def label_modality(
    project: Project, names: Sequence[str], label_texts: Mapping[str, tuple[str, ...]]
) -> str | None:
    """Return the modality that embeds the concepts' names, None where none does.

    Raises `ConfigError` where `prompt.labels_from` names one that cannot, or is not trained.
    """
    chosen = project.config.prompt.labels_from
    if chosen is not None and chosen not in names:
        raise ConfigError(
            f"prompt.labels_from is {chosen!r}, which is not among the modalities trained now "
            f"({', '.join(names)}); train it too, or name another"
        )
    able = [name for name in names if project.registry.load(name).modality.embeds_labels]
    if chosen is not None and chosen not in able:
        raise ConfigError(
            f"prompt.labels_from is {chosen!r}, whose plugin cannot embed concept names; "
            f"able are {', '.join(able) or 'none of those trained'}"
        )
    if not able or len(label_texts) < 2 or project.config.prompt.anchors == "random":
        return None
    return chosen or able[0]


def training_rows(project: Project, name: str) -> Rows:
    """Return a modality's training rows.

    Raises `DataError` where there are none, or labelled ones of fewer than two concepts.
    """
    rows = split_rows(project.manifest, name, TRAIN_SPLIT)
    concepts = rows.concepts
    if len(concepts) == 1 or not (concepts or any(row.item for row in rows)):
        found = f"of one concept, {concepts[0]!r}" if concepts else "without concept or item"
        raise DataError(
            f"{project.manifest.path}:{rows[0].line}: the training rows of modality {name!r} are "
            f"all {found}; at least 2 concepts are needed to tell them apart. Add rows of others"
        )
    return rows


def prepare_material(project: Project, plan: TrainingPlan) -> Material:
    """Bring the features of what is planned to the store, where they are not there.

    Raises as `Project.features`.
    """
    modalities = {
        name: modality_material(
            project, name, rows, concepts=plan.concepts, prompt_dim=project.config.prompt.dim
        )
        for name, rows in plan.rows.items()
    }
    names = plan.names_from and concept_names(project, plan.names_from, plan.label_texts)
    return Material(modalities=modalities, label_texts=plan.label_texts, names=names or None)


def modality_material(
    project: Project, name: str, rows: Rows, *, concepts: Sequence[str], prompt_dim: int
) -> ModalityMaterial:
    """Prepare one modality's training rows, for a prompt of `concepts` and of width D."""
    return ModalityMaterial(
        record=project.assembly.record(name),
        build=project.assembly.aligner_builder(name, prompt_dim=prompt_dim),
        rows=labelled_rows(project, name, rows, concepts=concepts),
    )


def labelled_rows(
    project: Project, name: str, rows: Rows, *, concepts: Sequence[str] = ()
) -> LabelledRows:
    """Give the features of manifest rows that can be used, and number their labels.

    The numbers of `concepts` are their places; other concepts of the manifest have later ones.
    """
    return number_usable(project, project.features(name, rows), concepts=concepts)


def number_usable(
    project: Project, usable: UsableRows, *, concepts: Sequence[str] = ()
) -> LabelledRows:
    """Give numbers to the labels of rows that can be used, as `labelled_rows` does."""
    known = tuple(dict.fromkeys((*concepts, *project.manifest.concepts)))
    labels = number_rows(usable.rows, project.manifest, concepts=known)
    return LabelledRows(features=usable.features, **vars(labels))


def concept_names(
    project: Project, modality: str, label_texts: Mapping[str, tuple[str, ...]]
) -> ConceptNames:
    """Extract features of concepts' names with the modality that embeds them, a row a text.

    Concepts are numbered in the order of `label_texts`.
    """
    pairs = [(concept, text) for concept, texts in label_texts.items() for text in texts]
    features = project.assembly.extract(modality, [text for _, text in pairs])
    project.assembly.modality(modality).encoder.prove()  # the prompt is written from them
    rows = LabelledRows(
        features=features,
        concepts=numbers_of((concept for concept, _ in pairs), tuple(label_texts)),
        items=numbers_of([None] * len(pairs), ()),
    )
    return ConceptNames(modality, rows)
