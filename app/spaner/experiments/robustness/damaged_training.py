"""Measures retrieval after training on damaged data, against clean data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from spaner_core.data.matches import SamplePositives
from spaner_core.evaluation.retrieval import retrieval
from torch import Tensor

from spaner.experiments.retrain import (
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

Embeddings = Mapping[str, Tensor]


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
    ground = prepare_retraining(project, split)
    naming = names.modality if (names := ground.material.names) else None
    possible = damages(ground.rows, ground.measured, naming=naming)
    chosen = [one for one in possible if _can_train(ground, one)]
    project.say(*_notices(ground, chosen))
    drawn_by = following_seeds(project.config.training.seed, seeds)
    clean: dict[int, Figures] = {}
    damaged: dict[str, dict[int, Figures]] = {one.name: {} for one in chosen}
    beside: dict[str, dict[int, Figures]] = {one.name: {} for one in chosen}
    with counted((1 + len(chosen)) * len(drawn_by), "trainings") as bar:
        for seed in drawn_by:
            whole = ground.train(ground.rows, seed=seed)
            clean[seed] = ground.measure(whole)
            bar.update()
            for one in chosen:
                damaged[one.name][seed], beside[one.name][seed] = _train(
                    ground, one, whole, seed=seed
                )
                bar.update()
    return TrainingRobustness(
        split=split,
        seeds=drawn_by,
        modalities=tuple(ground.rows),
        synthetic=synthetic_modalities(
            {name: measured_rows(project.manifest, name, split) for name in ground.measured}
        ),
        clean=sum_up(clean),
        damages=tuple(
            DamagedOutcome(
                kind=one.kind,
                name=one.name,
                modality=one.modality,
                outcome=sum_up(damaged[one.name], beside[one.name]),
            )
            for one in chosen
        ),
        notices=project.notices_from(heard),
    )


def _train(
    ground: Retraining, damage: Damage, whole: Embeddings, *, seed: int
) -> tuple[Figures, Figures]:
    """Train on damaged rows; measure that, and alike what training on whole rows gave."""
    part = damage.draw(ground.rows, seed=seed)
    embeddings = ground.train(part.rows, seed=seed)
    alike = {name: whole[name] for name in embeddings}
    return _measure(ground, embeddings, part.absent), _measure(ground, alike, part.absent)


def _can_train(ground: Retraining, damage: Damage) -> bool:
    """Tell whether the recipe can do without the modality that is missing."""
    names = ground.material.names
    if damage.kind != MISSING or names is None or ground.recipe.prompt.anchors != "labels":
        return True
    return damage.modality != names.modality


def _notices(ground: Retraining, chosen: list[Damage]) -> list[str]:
    missing = {one.modality for one in chosen if one.kind == MISSING}
    notices = [
        f"{name!r} is not left out: fewer than two other modalities are measured, or "
        "prompt.anchors asks for names that it embeds"
        for name in ground.rows
        if name not in missing
    ]
    if missing:
        notices.append(
            "without a modality, means are over the pairs of the others; they are compared with "
            "clean training over the same pairs, not with the line 'clean'"
        )
    return [*notices, *_naming_notices(ground, chosen)]


def _naming_notices(ground: Retraining, chosen: list[Damage]) -> Iterator[str]:
    """Say what damage leaves of concepts' names, where one befalls the modality of these."""
    naming = names.modality if (names := ground.material.names) else None
    befalling = {one.kind for one in chosen if naming is not None and one.modality == naming}
    if MISSING in befalling:
        yield f"without {naming!r} no concept names are embedded: anchors are random there"
    if ABSENT in befalling:
        yield (
            f"the names of concepts that {naming!r} lacks make anchors all the same, and are "
            "trained on as texts: expect it to lose less than others do"
        )


def _measure(ground: Retraining, embeddings: Embeddings, absent: Mapping[str, Tensor]) -> Figures:
    figures = ground.measure(embeddings)
    for name, concepts in absent.items():
        if name in embeddings:
            figures |= _absent_figures(ground, embeddings, name, concepts)
    return figures


def _absent_figures(
    ground: Retraining, embeddings: Embeddings, name: str, concepts: Tensor
) -> Figures:
    """Measure queries of `concepts` alone, from the modality `name` and from its partners to it."""
    others = [other for other in embeddings if other != name]
    pairs = {
        "as_query": [(name, other) for other in others],
        "as_gallery": [(other, name) for other in others],
    }
    figures: Figures = {}
    for role, chosen in pairs.items():
        found = [_ask(ground, embeddings, source, target, concepts) for source, target in chosen]
        for key in ("recall@1", "map"):
            figures[f"absent_{role}_{key}"] = mean_known([part[key] for part in found])
    return figures


def _ask(
    ground: Retraining, embeddings: Embeddings, source: str, target: str, concepts: Tensor
) -> Figures:
    """Let the rows of `concepts` in `source` look for theirs in the whole of `target`."""
    rows = torch.nonzero(torch.isin(ground.measured[source].concepts, concepts)).flatten()
    known, gallery = ground.measured[source].take(rows).labels, ground.measured[target].labels
    found = retrieval(
        embeddings[source][rows][known.first_rows()],
        embeddings[target][gallery.first_rows()],
        SamplePositives(known, gallery),
        ks=(1,),
    )
    return {"recall@1": found.recall[1], "map": found.mean_average_precision}
