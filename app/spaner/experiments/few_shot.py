"""Measures how few labelled rows are enough.

Nothing is chosen here: every training follows the configuration's recipe as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from numbers import Real
from typing import Any, Literal

import torch
from spaner_core.data.matches import NONE
from spaner_core.features.labelled import LabelledRows
from torch import Tensor

from spaner.arguments import as_list, check_count, check_shots
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
from spaner.reports import Audited, Report
from spaner.result_tables import Table, interval_cell, seeds_cell, to_markdown
from spaner.splits import TEST_SPLIT

SHOTS, PAIRS = (1, 2, 4, 8, 16), (16, 64, 256, 1024)
"""How many are drawn unless asked otherwise: labelled rows a concept, or pairs of items alone."""

SEEDS = 5
SHOWN = {"mean_recall@1": "R@1", "mean_map": "mAP"}
SHOWN_BY_ITEM = {"mean_item_recall@1": "R@1", "mean_item_mrr@10": "MRR"}


@dataclass(frozen=True, kw_only=True, repr=False)
class FewShotReport(Report):
    """What few labelled rows reach, beside all of them.

    `dataclasses.asdict` gives the JSON of `spaner few-shot --json`, which has `notices` besides:

        {"split": "test", "seeds": [0, ...], "modalities": [...], "concepts": 14,
         "drawn": "labels",
         "labelled_rows": {"1": {"<modality>": 14, ...}, ...},
         "shots": {"1": {"runs": {"<seed>": {"<figure>": 0.7, ...}, ...},
                         "figures": {"<figure>": {"mean", "low", "high", "runs"}, ...},
                         "differences": {"<figure>": {"mean", "low", "high", "runs"}, ...}}, ...},
         "all_labels": {"runs": ..., "figures": ..., "differences": {}}}

    Figures are those of `spaner evaluate --json` but the agreement with the encoders' neighbours.
    `drawn` is "labels", or "pairs" where no training row has a concept: a number is then one of
    pairs, and labelled rows are those of an item that was drawn. `differences` are few labels minus
    all labels, paired by seed; a figure that could not be measured is null, and so are `low` and
    `high` of a single seed.
    """

    split: str
    seeds: tuple[int, ...]
    modalities: tuple[str, ...]
    concepts: int
    drawn: Literal["labels", "pairs"]
    labelled_rows: dict[int, dict[str, int]]
    shots: dict[int, Outcome]
    all_labels: Outcome

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited({"shots": len(self.shots)}, self.modalities)

    def __repr__(self) -> str:
        return "\n".join(map(to_markdown, few_shot_tables(self)))

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the figures of each training; `shots` is "all" where all labels were given."""
        parts = [*self.shots.items(), ("all", self.all_labels)]
        return [
            {"shots": count, "seed": seed, **figures}
            for count, part in parts
            for seed, figures in part.runs.items()
        ]


def few_shot(
    project: Project,
    names: Sequence[str] = (),
    *,
    shots: Sequence[int] | None = None,
    seeds: int = SEEDS,
    split: str = TEST_SPLIT,
) -> FewShotReport:
    """Train on `shots` labelled rows a concept, `seeds` times each, and measure `split`.

    A seed, from the configuration's on, draws the labelled rows in every modality and the weights
    before training; the other training rows stay, with their items and without labels: they are
    pairs, and set centre, scale and word frequencies. Where no row has a concept, `shots` are pairs
    instead, rows that show one item. Trainings on all labels, with the same seeds, are what the
    others are compared with. Raises what `spaner train` would raise, and `DataError` where `split`
    cannot be measured.
    """
    check_count("seeds", seeds)
    if shots is not None:
        shots = as_list("shots", shots, of=Real)
        check_shots(shots)
    ground = prepare_retraining(project, split, names=names)
    drawn: Literal["labels", "pairs"] = "labels" if _known(ground.rows) else "pairs"
    if shots is None:
        shots = SHOTS if drawn == "labels" else _possible(PAIRS, len(_shared_items(ground.rows)))
    shots = tuple(sorted(set(shots)))
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
                    labelled[count] = {name: _drawn(part, drawn) for name, part in rows.items()}
                bar.update()
    every = runs.pop(None)
    return FewShotReport(
        split=split,
        seeds=drawn_by,
        modalities=tuple(ground.rows),
        concepts=len(ground.material.concepts),
        drawn=drawn,
        labelled_rows=labelled,
        shots={count: sum_up(own, every) for count, own in runs.items() if count is not None},
        all_labels=sum_up(every),
    )


def draw_support(
    rows: Mapping[str, LabelledRows], shots: int, *, seed: int
) -> dict[str, LabelledRows]:
    """Keep the labels of `shots` training rows a concept in every modality, all where it has fewer.

    The other rows lose their concept and keep their item. Where no row has a concept, those of
    `shots` items that modalities share keep their item instead, and the other rows lose it. One
    seed's draws are nested: fewer shots are part of more.
    """
    if _known(rows):
        return {
            name: _keep_labels(part, shots, drawing(seed, "support", name))
            for name, part in rows.items()
        }
    items = _shared_items(rows)
    order = torch.randperm(len(items), generator=drawing(seed, "support"))
    kept = items[order[:shots]]
    return {
        name: replace(part, items=part.items.masked_fill(~torch.isin(part.items, kept), NONE))
        for name, part in rows.items()
    }


def _known(rows: Mapping[str, LabelledRows]) -> bool:
    return any(part.known_concepts for part in rows.values())


def _shared_items(rows: Mapping[str, LabelledRows]) -> Tensor:
    """Return the items that rows of two modalities or more show, sorted, (m,)."""
    of_each = [set(part.items[part.items > NONE].tolist()) for part in rows.values()]
    shared = set().union(*(a & b for a, b in combinations(of_each, 2)))
    return torch.tensor(sorted(shared)).long()


def _possible(counts: Sequence[int], most: int) -> tuple[int, ...]:
    """Return those of `counts` that are less than all there is, or all there is."""
    return tuple(count for count in counts if count < most) or (most,)


def few_shot_tables(report: FewShotReport) -> tuple[Table, ...]:
    """Lay out the means over all ordered pairs, a line a number of labelled rows.

    Retrieval by item has a table of its own where rows have concepts, too.
    """
    by_concept = _table(report, SHOWN, "Few-shot retrieval")
    if report.drawn == "pairs" or "mean_item_map" not in report.all_labels.figures:
        return (by_concept,)
    return by_concept, _table(report, SHOWN_BY_ITEM, "Few-shot retrieval by item")


def _table(report: FewShotReport, shown: Mapping[str, str], title: str) -> Table:
    outcomes: Mapping[str, Outcome] = {str(count): part for count, part in report.shots.items()}
    return Table(
        f"{title}, split {report.split}, seeds {seeds_cell(report.seeds)}: means over "
        "all ordered pairs ± half of the 95% interval",
        (
            "labelled rows a concept" if report.drawn == "labels" else "pairs",
            *shown.values(),
            *(f"{title} - all" for title in shown.values()),
        ),
        [
            (
                count,
                *(interval_cell(part.figures[key]) for key in shown),
                *(interval_cell(part.differences.get(key), signed=True) for key in shown),
            )
            for count, part in {**outcomes, "all": report.all_labels}.items()
        ],
    )


def _keep_labels(rows: LabelledRows, shots: int, draw: torch.Generator) -> LabelledRows:
    kept = torch.zeros(len(rows), dtype=torch.bool)
    for concept in sorted(set(rows.concepts[rows.concepts >= 0].tolist())):
        places = torch.nonzero(rows.concepts == concept).flatten()
        kept[places[torch.randperm(len(places), generator=draw)[:shots]]] = True
    return replace(rows, concepts=rows.concepts.masked_fill(~kept, NONE))


def _drawn(rows: LabelledRows, drawn: str) -> int:
    return int(((rows.concepts if drawn == "labels" else rows.items) > NONE).sum())


def _short_notices(ground: Retraining, shots: int) -> list[str]:
    """Say which concepts have fewer rows than the largest number asked for, or what is drawn."""
    if not _known(ground.rows):
        pairs = len(_shared_items(ground.rows))
        return [f"no training row has a concept: pairs are drawn, of {pairs:,} items in all"]
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
