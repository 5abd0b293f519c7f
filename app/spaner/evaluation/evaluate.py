"""Measures a project's space on the rows of one split."""

from __future__ import annotations

from collections.abc import Sequence

from spaner_core.data.matches import number_rows
from spaner_core.evaluation.cka import cka_by_modality
from spaner_core.evaluation.clustering import clustering
from spaner_core.evaluation.coherence import coherence_by_pair
from spaner_core.evaluation.hubness import hubness_by_pair
from spaner_core.evaluation.mixed_gallery import mixed_retrieval_by_modality
from spaner_core.evaluation.retrieval import retrieval_by_item, retrieval_by_pair
from spaner_core.evaluation.uniformity import alignment_and_uniformity

from spaner.evaluation.embedded_rows import EmbeddedRows, embed_split
from spaner.project import Project


def evaluate(
    project: Project,
    split: str | None = None,
    *,
    names: Sequence[str] = (),
    strength: float | None = None,
) -> dict[str, float | None]:
    """Measure a split in the modalities `names`, by default all that work here.

    Returns one flat dict of figures by name; raises as `embed_split`.
    """
    return measure(project, embed_split(project, split, names=names, strength=strength))


def measure(project: Project, embedded: dict[str, EmbeddedRows]) -> dict[str, float | None]:
    """Measure rows that were embedded before; return one flat dict of figures by name.

    docs/metrics.md says what each of them is.
    """
    embeddings = {name: part.embeddings for name, part in embedded.items()}
    of_things = {name: part.of_things for name, part in embedded.items()}
    strengths = next(iter(embedded.values())).strengths
    labels = {name: number_rows(part.rows, project.manifest) for name, part in embedded.items()}
    references = {name: part.encoder_vectors for name, part in embedded.items()}
    clusters = clustering(embeddings, labels)
    by_item = retrieval_by_item(of_things, labels)
    return {
        "strength": strengths["kind"],
        **retrieval_by_pair(embeddings, labels),
        **coherence_by_pair(embeddings, labels, references=references),
        **by_item,
        **({"item_strength": strengths["thing"]} if by_item else {}),
        **mixed_retrieval_by_modality(embeddings, labels),
        **hubness_by_pair(embeddings, labels),
        **alignment_and_uniformity(embeddings, labels),
        **cka_by_modality(embeddings, references, labels),
        "concept_v_measure": clusters.concept_v_measure,
        "modality_v_measure": clusters.modality_v_measure,
    }
