"""Measures a project's space on the rows of one split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

from spaner_core.data.matches import number_rows
from spaner_core.evaluation.cka import cka_by_modality
from spaner_core.evaluation.clustering import clustering
from spaner_core.evaluation.coherence import coherence_by_pair
from spaner_core.evaluation.hubness import hubness_by_pair
from spaner_core.evaluation.mixed_gallery import mixed_retrieval_by_modality
from spaner_core.evaluation.pairs import compared_pairs, every_pair
from spaner_core.evaluation.retrieval import retrieval_by_item, retrieval_by_pair
from spaner_core.evaluation.uniformity import alignment_and_uniformity
from spaner_core.extras import need

from spaner.evaluation.embedded_rows import EmbeddedRows, embed_split
from spaner.output_paths import check_output_file
from spaner.policy.links import check_all_compared, check_measured, link_notices, measured_links
from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.result_tables import figure_cell
from spaner.splits import measured_split


@dataclass(frozen=True, repr=False, eq=False)
class Evaluation(Report, Mapping[str, float | None]):
    """Figures by name, as docs/metrics.md explains them; None where there was nothing to measure.

    They are of the rows of `split`, all where it is None, in `modalities`. `by_item` says that no
    row has a concept, so that all retrieval is by item.
    """

    figures: Mapping[str, float | None]
    modalities: tuple[str, ...]
    split: str | None
    by_item: bool

    def __getitem__(self, name: str) -> float | None:
        return self.figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.figures)

    def __len__(self) -> int:
        return len(self.figures)

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited({"figures": len(self)}, self.modalities)

    def __repr__(self) -> str:
        rows = "all rows" if self.split is None else f"split {self.split}"
        pairs = (
            f"  {one['query']} finds {one['finds']}: "
            + ", ".join(f"{key} {figure_cell(one[key])}" for key in ("recall@1", "map"))
            for one in self.as_dicts()
        )
        mean = ", ".join(f"{k} {figure_cell(self[f'mean_{k}'])}" for k in ("recall@1", "map"))
        return "\n".join([f"Evaluation of {rows}", *pairs, f"  mean: {mean}"])

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the figures of each ordered pair of modalities."""
        return [
            {"query": query, "finds": finds, **self._beginning(f"{query}_to_{finds}_")}
            for query, finds in permutations(self.modalities, 2)
        ]

    def _beginning(self, prefix: str) -> dict[str, float | None]:
        return {k.removeprefix(prefix): self[k] for k in self if k.startswith(prefix)}


def evaluate(
    project: Project,
    split: str | None = None,
    *,
    names: Sequence[str] = (),
    strength: float | None = None,
    map_file: Path | None = None,
    overwrite: bool = False,
) -> Evaluation:
    """Measure a split in the modalities `names`, by default all that work here.

    Also draws a map of the rows to `map_file`, a PNG, where one is named. Raises as `embed_split`,
    and before any work `ConfigError` or `OutputExists` where the map cannot be written. Figures of
    what `policy.links` does not let be measured are None; `ConfigError` where it lets nothing be
    measured, or not all that a map would show together.
    """
    if map_file is not None:
        check_output_file(project, map_file, flag="--map", overwrite=overwrite, suffix=".png")
        need("map", user="a map needs")
    check_measured(project.config, names or project.config.modalities)
    embedded = embed_split(project, split, names=names, strength=strength)
    if map_file is not None:
        check_all_compared(project.config, embedded)
    found = measure_embedded(project, embedded, split)
    if map_file is not None:
        from spaner.evaluation.map import draw_map

        project.say(f"map written to {draw_map(embedded, map_file)}")
    return found


def measure_embedded(
    project: Project, embedded: Mapping[str, EmbeddedRows], split: str | None
) -> Evaluation:
    """Measure the rows of a split that `embed_split` has embedded."""
    project.say(*link_notices(project.config, embedded))
    return Evaluation(
        _measure(project, embedded),
        modalities=tuple(embedded),
        split=measured_split(project.manifest, split),
        by_item=not any(row.concept for part in embedded.values() for row in part.rows),
    )


def _measure(project: Project, embedded: Mapping[str, EmbeddedRows]) -> dict[str, float | None]:
    embeddings = {name: part.embeddings for name, part in embedded.items()}
    of_things = {name: part.of_things for name, part in embedded.items()}
    strengths = next(iter(embedded.values())).strengths
    labels = {name: number_rows(part.rows, project.manifest) for name, part in embedded.items()}
    references = {name: part.encoder_vectors for name, part in embedded.items()}
    linked = measured_links(project.config, embedded)
    together = len(compared_pairs(embedded, linked)) == len(compared_pairs(embedded, every_pair))
    clusters = clustering(embeddings if together else {}, labels if together else {})
    by_item = retrieval_by_item(of_things, labels, linked=linked)
    return {
        "strength": strengths["kind"],
        **retrieval_by_pair(embeddings, labels, linked=linked),
        **coherence_by_pair(embeddings, labels, references=references, linked=linked),
        **by_item,
        **({"item_strength": strengths["thing"]} if by_item else {}),
        **mixed_retrieval_by_modality(embeddings, labels, linked=linked),
        **hubness_by_pair(embeddings, labels, linked=linked),
        **alignment_and_uniformity(embeddings, labels, linked=linked),
        **cka_by_modality(embeddings, references, labels),
        "concept_v_measure": clusters.concept_v_measure,
        "modality_v_measure": clusters.modality_v_measure,
    }
