"""Prepares what trainings learn from: features, label numbers and the concepts' names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spaner_core.data.manifest import Rows
from spaner_core.data.matches import number_rows, numbers_of
from spaner_core.features.labelled import LabelledRows
from spaner_core.training.material import ConceptNames, Material, ModalityMaterial

from spaner.project import Project
from spaner.training.plan import TrainingPlan


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
    usable = project.features(name, rows)
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
