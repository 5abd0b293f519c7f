"""Measures how few labelled rows are enough.

Nothing is chosen here: every training follows the configuration's recipe as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from spaner_core.errors import DataError
from spaner_core.features.labelled import LabelledRows

from spaner.arguments import check_shots
from spaner.experiments.retrain import (
    Figures,
    Outcome,
    Retraining,
    counted,
    prepare_retraining,
    sum_up,
)
from spaner.experiments.seeds import drawing, following_seeds
from spaner.project import Project
from spaner.result_tables import Table, interval_cell, seeds_cell
from spaner.splits import TEST_SPLIT
from spaner.training.plan import training_rows
from spaner.usable_modalities import declared_modalities

SHOTS = (1, 2, 4, 8, 16)
SEEDS = 5
SHOWN = {"mean_recall@1": "R@1", "mean_map": "mAP"}


@dataclass(frozen=True, kw_only=True)
class FewShotReport:
    """What few labelled rows reach, beside all of them.

    `dataclasses.asdict` gives the JSON of `spaner few-shot --json`, which has `notices` besides:

        {"split": "test", "seeds": [0, ...], "modalities": [...], "concepts": 14,
         "labelled_rows": {"1": {"<modality>": 14, ...}, ...},
         "shots": {"1": {"runs": {"<seed>": {"<figure>": 0.7, ...}, ...},
                         "figures": {"<figure>": {"mean", "low", "high", "runs"}, ...},
                         "differences": {"<figure>": {"mean", "low", "high", "runs"}, ...}}, ...},
         "all_labels": {"runs": ..., "figures": ..., "differences": {}}}

    Figures are those of `spaner evaluate --json` but the agreement with the encoders' neighbours.
    `differences` are few labels minus all labels, paired by seed; a figure that could not be
    measured is null, and so are `low` and `high` of a single seed.
    """

    split: str
    seeds: tuple[int, ...]
    modalities: tuple[str, ...]
    concepts: int
    labelled_rows: dict[int, dict[str, int]]
    shots: dict[int, Outcome]
    all_labels: Outcome


def few_shot(
    project: Project,
    names: Sequence[str] = (),
    *,
    shots: Sequence[int] = SHOTS,
    seeds: int = SEEDS,
    split: str = TEST_SPLIT,
) -> FewShotReport:
    """Train on `shots` labelled rows a concept, `seeds` times each, and measure `split`.

    A seed, from the configuration's on, draws the labelled rows in every modality and the weights
    before training; the other training rows stay, without labels, and set centre, scale and word
    frequencies. Trainings on all labels, with the same seeds, are what the others are compared
    with. Raises what `spaner train` would raise, and `DataError` where `split` cannot be measured.
    """
    shots = tuple(sorted(set(shots)))
    check_shots(shots, seeds)
    _check_concepts(project, names)
    ground = prepare_retraining(project, split, names=names)
    project.say(*_short_notices(ground, max(shots)))
    drawn_by = following_seeds(project.config.training.seed, seeds)
    runs: dict[int | None, dict[int, Figures]] = {count: {} for count in (*shots, None)}
    labelled: dict[int, dict[str, int]] = {}
    with counted(len(runs) * len(drawn_by), "trainings") as bar:
        for seed in drawn_by:
            for count in runs:
                rows = ground.rows if count is None else draw_support(ground.rows, count, seed=seed)
                runs[count][seed] = ground.measure(ground.train(rows, seed=seed))
                if count is not None:
                    labelled[count] = {name: _labelled(part) for name, part in rows.items()}
                bar.update()
    every = runs.pop(None)
    return FewShotReport(
        split=split,
        seeds=drawn_by,
        modalities=tuple(ground.rows),
        concepts=len(ground.material.concepts),
        labelled_rows=labelled,
        shots={count: sum_up(own, every) for count, own in runs.items() if count is not None},
        all_labels=sum_up(every),
    )


def _check_concepts(project: Project, names: Sequence[str]) -> None:
    """Raise `DataError` for a modality whose training rows have items alone: none can be drawn."""
    chosen = {name: training_rows(project, name) for name in declared_modalities(project, names)}
    having = [name for name, rows in chosen.items() if rows.concepts]
    for name, rows in chosen.items():
        if name not in having:
            others = f", or name others: {' '.join(having)}" if len(having) > 1 else ""
            raise DataError(
                f"{project.manifest.path}:{rows[0].line}: the training rows of {name!r} have items "
                "and no concepts; few-shot keeps the labels of some rows of each concept, and has "
                f"nothing to draw by; give rows a concept{others}"
            )


def draw_support(
    rows: Mapping[str, LabelledRows], shots: int, *, seed: int
) -> dict[str, LabelledRows]:
    """Keep the labels of `shots` training rows a concept in every modality, all where it has fewer.

    The other rows lose concept and item. One seed's draws are nested: fewer shots are part of more.
    """
    return {
        name: _keep_labels(part, shots, drawing(seed, "support", name))
        for name, part in rows.items()
    }


def few_shot_table(report: FewShotReport) -> Table:
    """Lay out the means over all ordered pairs, a line a number of labelled rows."""
    outcomes: Mapping[str, Outcome] = {str(count): part for count, part in report.shots.items()}
    return Table(
        f"Few-shot retrieval, split {report.split}, seeds {seeds_cell(report.seeds)}: means over "
        "all ordered pairs ± half of the 95% interval",
        ("labelled rows a concept", *SHOWN.values(), *(f"{s} - all" for s in SHOWN.values())),
        [
            (
                count,
                *(interval_cell(part.figures[key]) for key in SHOWN),
                *(interval_cell(part.differences.get(key), signed=True) for key in SHOWN),
            )
            for count, part in {**outcomes, "all": report.all_labels}.items()
        ],
    )


def _keep_labels(rows: LabelledRows, shots: int, draw: torch.Generator) -> LabelledRows:
    kept = torch.zeros(len(rows), dtype=torch.bool)
    for concept in sorted(set(rows.concepts[rows.concepts >= 0].tolist())):
        places = torch.nonzero(rows.concepts == concept).flatten()
        kept[places[torch.randperm(len(places), generator=draw)[:shots]]] = True
    return replace(
        rows,
        concepts=rows.concepts.masked_fill(~kept, -1),
        items=rows.items.masked_fill(~kept, -1),
    )


def _labelled(rows: LabelledRows) -> int:
    return int((rows.concepts >= 0).sum())


def _short_notices(ground: Retraining, shots: int) -> list[str]:
    """Say which concepts have fewer rows than the largest number asked for."""
    notices, concepts = [], ground.material.concepts
    for name, rows in ground.rows.items():
        counts = torch.bincount(rows.concepts[rows.concepts >= 0], minlength=len(concepts))
        short = [
            f"{concept} ({count})"
            for concept, count in zip(concepts, counts.tolist(), strict=True)
            if 0 < count < shots
        ]
        if short:
            notices.append(
                f"{name!r} has fewer than {shots} training rows of {', '.join(short)}: these give "
                "all they have"
            )
    return notices
