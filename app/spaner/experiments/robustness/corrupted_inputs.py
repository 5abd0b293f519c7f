"""Measures retrieval with corrupted inputs, five severities each, and clean partners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from spaner_core.contract.modality import Corruption
from spaner_core.data.matches import Labels, number_rows
from spaner_core.evaluation.pairs import Linked
from spaner_core.evaluation.retrieval import retrieval_by_item, retrieval_by_pair
from tqdm.auto import tqdm

from spaner.evaluation.embedded_rows import EmbeddedRows, embed_split
from spaner.experiments.retrain import Embedded, Figures, counted, mean_known
from spaner.experiments.robustness.embed_corrupted import embed_corrupted
from spaner.policy.links import check_measured, link_notices, measured_links
from spaner.project import Project
from spaner.result_tables import synthetic_modalities, synthetic_words
from spaner.splits import TEST_SPLIT, check_held_out

SEVERITIES = (1, 2, 3, 4, 5)
ROLES = ("as_query", "as_gallery")
"""What the corrupted rows are: what is looked for with, or what is looked through."""

SUMMARISED = ("recall@1", "map", "item_recall@1")


@dataclass(frozen=True, kw_only=True)
class CorruptedFigures:
    """Figures of one modality's rows at one severity; 0 is clean.

    `left_out` counts rows that the corruption cannot be applied to. `figures` holds those of every
    ordered pair with the modality, as `spaner evaluate` names them, and their means over the other
    modalities: `as_query_` and `as_gallery_` with `recall@1` and `map`, and where rows have items
    `item_recall@1`.
    """

    severity: int
    left_out: int
    figures: Figures


@dataclass(frozen=True, kw_only=True)
class InputRobustness:
    """Figures by modality and corruption, severities 0 to 5 in order.

    `rows` counts the measured rows of every modality, `synthetic` names those that have made-up
    ones.
    """

    split: str
    seed: int
    rows: dict[str, int]
    synthetic: tuple[str, ...]
    modalities: dict[str, dict[str, tuple[CorruptedFigures, ...]]]
    notices: tuple[str, ...]

    def measured_on(self, name: str) -> str:
        """Say in a title's words what the figures of one modality's rows were measured on."""
        words = f"split {self.split}, {self.rows[name]} rows, seed {self.seed}"
        return words + synthetic_words(self.synthetic)


def measure_inputs(project: Project, *, split: str = TEST_SPLIT) -> InputRobustness:
    """Corrupt a split's rows, one modality at a time, and measure them in the project's space.

    The configuration's seed and a row's id decide what is drawn for it. Raises `SpaceError` where
    there is no space that fits, `DataError` where the split cannot be measured, `ConfigError` where
    `policy.links` lets nothing be measured.
    """
    check_held_out(project.manifest, split)
    heard = len(project.said)
    check_measured(project.config, project.config.modalities)
    embedded = embed_split(project, split)
    project.say(*link_notices(project.config, embedded))
    offered: dict[str, Sequence[Corruption]] = {}
    for name in embedded:
        with project.left_out.where_broken(name):
            offered[name] = project.assembly.corruptions(name)
    project.say(*(f"{name!r} offers no corruptions" for name, c in offered.items() if not c))
    total = sum(map(len, offered.values())) * len(SEVERITIES)
    with counted(total, "corruptions") as bar:
        modalities = {
            name: _measure_modality(project, embedded, name, found, bar=bar)
            for name, found in offered.items()
            if found
        }
    return InputRobustness(
        split=split,
        seed=project.config.training.seed,
        rows={name: len(part.rows) for name, part in embedded.items()},
        synthetic=synthetic_modalities({name: part.rows for name, part in embedded.items()}),
        modalities=modalities,
        notices=project.notices_from(heard),
    )


def _measure_modality(
    project: Project,
    embedded: Mapping[str, EmbeddedRows],
    name: str,
    corruptions: Sequence[Corruption],
    *,
    bar: tqdm[None],
) -> dict[str, tuple[CorruptedFigures, ...]]:
    vectors = {other: Embedded(p.embeddings, p.of_things) for other, p in embedded.items()}
    labels = {other: number_rows(part.rows, project.manifest) for other, part in embedded.items()}
    rows, strengths = embedded[name].rows, embedded[name].strengths
    pair_figures = partial(_pair_figures, name=name, linked=measured_links(project.config, vectors))
    clean = CorruptedFigures(severity=0, left_out=0, figures=pair_figures(vectors, labels))
    measured = {}
    for corruption in corruptions:
        curve = [clean]
        for severity in SEVERITIES:
            kept, corrupted = embed_corrupted(
                project,
                name,
                rows,
                corruption=corruption,
                severity=severity,
                strengths=strengths,
            )
            known = number_rows(rows.take(kept), project.manifest)
            figures: Figures = dict.fromkeys(clean.figures)
            if len(kept):
                figures |= pair_figures({**vectors, name: corrupted}, {**labels, name: known})
            left_out = len(rows) - len(kept)
            curve.append(CorruptedFigures(severity=severity, left_out=left_out, figures=figures))
            bar.update()
        measured[corruption.name] = tuple(curve)
    return measured


def _pair_figures(
    vectors: Mapping[str, Embedded], labels: Mapping[str, Labels], *, name: str, linked: Linked
) -> Figures:
    """Measure every ordered pair that `name` is part of, and the means over its partners."""
    figures: Figures = {}
    others = [other for other in vectors if other != name]
    for other in others:
        pair = (name, other)
        known = {m: labels[m] for m in pair}
        found = retrieval_by_pair({m: vectors[m].of_kinds for m in pair}, known, linked=linked)
        things = {m: vectors[m].of_things for m in pair}
        found |= retrieval_by_item(things, known, linked=linked)
        figures |= {key: value for key, value in found.items() if "_to_" in key}
    pairs = {"as_query": [(name, o) for o in others], "as_gallery": [(o, name) for o in others]}
    for role, chosen in pairs.items():
        for key in SUMMARISED:
            named = [f"{a}_to_{b}_{key}" for a, b in chosen]
            if measured := [figures[one] for one in named if one in figures]:
                figures[f"{role}_{key}"] = mean_known(measured)
    return figures
