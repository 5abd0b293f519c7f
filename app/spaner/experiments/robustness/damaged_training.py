"""Measures retrieval after training on damaged data, against clean data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from spaner_core.data.matches import SamplePositives
from spaner_core.evaluation.retrieval import retrieval
from torch import Tensor

from spaner.experiments.retrain import (
    Embedded,
    Figures,
    Outcome,
    Retraining,
    counted,
    mean_known,
    prepare_retraining,
    sum_up,
)
from spaner.experiments.robustness.damage import ABSENT, MISSING, Damage, damages
from spaner.experiments.seeds import following_seeds
from spaner.project import Project
from spaner.result_tables import seeds_cell, synthetic_modalities, synthetic_words
from spaner.splits import TEST_SPLIT, measured_rows

SEEDS = 3

Embeddings = Mapping[str, Embedded]


@dataclass(frozen=True, kw_only=True)
class DamagedOutcome:
    """What trainings on data damaged in one way reached.

    `outcome.differences` are damaged minus clean training of the same seed, both measured alike:
    without a modality, among the others. Where a modality lost concepts, there are besides
    `absent_as_query_` figures of its own rows of these as queries, and `absent_as_gallery_` ones of
    the other modalities' rows of these that look for them in it.
    """

    kind: str
    name: str
    modality: str | None
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class TrainingRobustness:
    """What clean training reaches, and training on data damaged in several ways.

    `synthetic` names the modalities with made-up rows among the measured ones.
    """

    split: str
    seeds: tuple[int, ...]
    modalities: tuple[str, ...]
    synthetic: tuple[str, ...]
    clean: Outcome
    damages: tuple[DamagedOutcome, ...]
    notices: tuple[str, ...]

    @property
    def measured_on(self) -> str:
        """Say in a title's words what the figures were measured on."""
        seeds = f"{'seeds' if len(self.seeds) > 1 else 'seed'} {seeds_cell(self.seeds)}"
        return f"split {self.split}, {seeds}" + synthetic_words(self.synthetic)


def measure_training(
    project: Project, *, seeds: int = SEEDS, split: str = TEST_SPLIT
) -> TrainingRobustness:
    """Train on clean and on damaged rows, `seeds` times each, and measure `split`.

    A seed, from the configuration's on, draws the damage and the weights before training. Raises
    what `spaner train` would raise, and `DataError` where `split` cannot be measured.
    """
    heard = len(project.said)
    retraining = prepare_retraining(project, split)
    naming = names.modality if (names := retraining.material.names) else None
    possible = damages(retraining.rows, retraining.measured, naming=naming)
    chosen = [damage for damage in possible if _can_train(retraining, damage)]
    project.say(*_notices(retraining, chosen))
    drawn_by = following_seeds(project.config.training.seed, seeds)
    clean, comparisons = _train_all(retraining, chosen, drawn_by)
    return TrainingRobustness(
        split=split,
        seeds=drawn_by,
        modalities=tuple(retraining.rows),
        synthetic=synthetic_modalities(
            {name: measured_rows(project.manifest, name, split) for name in retraining.measured}
        ),
        clean=sum_up(clean),
        damages=tuple(comparison.outcome for comparison in comparisons),
        notices=project.notices_from(heard),
    )


@dataclass(frozen=True)
class _Comparison:
    """Figures by seed after training on damaged rows, and on clean ones, both measured alike."""

    damage: Damage
    damaged: dict[int, Figures] = field(default_factory=dict)
    clean: dict[int, Figures] = field(default_factory=dict)

    @property
    def outcome(self) -> DamagedOutcome:
        return DamagedOutcome(
            kind=self.damage.kind,
            name=self.damage.name,
            modality=self.damage.modality,
            outcome=sum_up(self.damaged, self.clean),
        )


def _train_all(
    retraining: Retraining, chosen: Sequence[Damage], seeds: Sequence[int]
) -> tuple[dict[int, Figures], list[_Comparison]]:
    """Train on clean rows, and on rows damaged in each way, with each seed."""
    clean: dict[int, Figures] = {}
    comparisons = [_Comparison(damage) for damage in chosen]
    with counted((1 + len(chosen)) * len(seeds), "trainings") as bar:
        for seed in seeds:
            embeddings = retraining.train(retraining.rows, seed=seed)
            clean[seed] = retraining.measure(embeddings)
            bar.update()
            for comparison in comparisons:
                _train_damaged(retraining, comparison, embeddings, seed=seed)
                bar.update()
    return clean, comparisons


def _train_damaged(
    retraining: Retraining, comparison: _Comparison, clean: Embeddings, *, seed: int
) -> None:
    """Train on damaged rows; measure that, and alike what clean rows gave."""
    part = comparison.damage.draw(retraining.rows, seed=seed)
    embeddings = retraining.train(part.rows, seed=seed)
    alike = {name: clean[name] for name in embeddings}
    comparison.damaged[seed] = _measure(retraining, embeddings, part.absent)
    comparison.clean[seed] = _measure(retraining, alike, part.absent)


def _can_train(retraining: Retraining, damage: Damage) -> bool:
    """Tell whether the recipe can do without the modality that is missing."""
    names = retraining.material.names
    if damage.kind != MISSING or names is None or retraining.recipe.prompt.anchors != "labels":
        return True
    return damage.modality != names.modality


def _notices(retraining: Retraining, chosen: list[Damage]) -> list[str]:
    missing = {damage.modality for damage in chosen if damage.kind == MISSING}
    notices = [
        f"{name!r} is not left out: fewer than two other modalities are measured, or "
        "prompt.anchors asks for names that it embeds"
        for name in retraining.rows
        if name not in missing
    ]
    if missing:
        notices.append(
            "without a modality, means are over the pairs of the others; they are compared with "
            "clean training over the same pairs, not with the line 'clean'"
        )
    return [*notices, *_naming_notices(retraining, chosen)]


def _naming_notices(retraining: Retraining, chosen: list[Damage]) -> Iterator[str]:
    """Say what damage leaves of concepts' names, where one befalls the modality of these."""
    naming = names.modality if (names := retraining.material.names) else None
    befalling = {damage.kind for damage in chosen if naming and damage.modality == naming}
    if MISSING in befalling:
        yield f"without {naming!r} no concept names are embedded: anchors are random there"
    if ABSENT in befalling:
        yield (
            f"the names of concepts that {naming!r} lacks make anchors all the same, and are "
            "trained on as texts: expect it to lose less than others do"
        )


def _measure(
    retraining: Retraining, embeddings: Embeddings, absent: Mapping[str, Tensor]
) -> Figures:
    figures = retraining.measure(embeddings)
    for name, concepts in absent.items():
        if name in embeddings:
            figures |= _absent_figures(retraining, embeddings, name, concepts)
    return figures


def _absent_figures(
    retraining: Retraining, embeddings: Embeddings, name: str, concepts: Tensor
) -> Figures:
    """Measure queries of `concepts` alone, from the modality `name` and from its partners to it."""
    others = [other for other in embeddings if other != name]
    pairs = {
        "as_query": [(name, other) for other in others],
        "as_gallery": [(other, name) for other in others],
    }
    figures: Figures = {}
    for role, chosen in pairs.items():
        found = [
            _ask(retraining, embeddings, source, target, concepts)
            for source, target in chosen
            if retraining.linked(source, target)
        ]
        for key in ("recall@1", "map"):
            figures[f"absent_{role}_{key}"] = mean_known([part[key] for part in found])
    return figures


def _ask(
    retraining: Retraining, embeddings: Embeddings, source: str, target: str, concepts: Tensor
) -> Figures:
    """Let the rows of `concepts` in `source` look for theirs in the whole of `target`."""
    rows = torch.nonzero(torch.isin(retraining.measured[source].concepts, concepts)).flatten()
    known, gallery = (
        retraining.measured[source].take(rows).labels,
        retraining.measured[target].labels,
    )
    found = retrieval(
        embeddings[source].of_kinds[rows][known.first_rows()],
        embeddings[target].of_kinds[gallery.first_rows()],
        SamplePositives(known, gallery),
        ks=(1,),
    )
    return {"recall@1": found.recall[1], "map": found.mean_average_precision}
