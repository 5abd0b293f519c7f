"""Fits an aligner's statistics; weighs labels and uses unlabelled rows if asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from spaner_core.contract.modality import Aligner
from spaner_core.errors import ConfigError
from spaner_core.features.labelled import LabelledBatches, LabelledRows, join_labelled
from spaner_core.method.aligner import CrossAttentionAligner
from spaner_core.method.pool import add_unlabelled
from spaner_core.method.trust import LabelTrust, sum_weighted, weigh_labels
from spaner_core.progress import spent
from spaner_core.recipe import TrainingRecipe


def fit_statistics(
    aligner: Aligner,
    rows: LabelledRows,
    *,
    names: LabelledRows | None = None,
    count: int,
    training: TrainingRecipe,
) -> LabelledRows:
    """Fit centre, scale and class means to rows of one modality, of `count` concepts.

    `names` are rows of the concepts' names, if the modality reads these. Returns `rows`, with
    their trust where `training.check_labels` asks for it and not all of it is whole. Raises
    `ConfigError` where it asks that of an aligner whose class means are not core's.
    """
    every = join_labelled([rows, *([names] if names else [])])
    with spent("statistics"), torch.no_grad():
        aligner.fit_statistics(LabelledBatches(every), concept_count=count)
        if not isinstance(aligner, CrossAttentionAligner):
            _refuse(aligner, training)
            return rows
        units, doubted = UnitRows(aligner, every), False
        weights = torch.ones(len(every))
        if training.check_labels:
            weights = doubt_labels(aligner, rows, names=names, count=count).weights
            doubted = bool((weights < 1).any())
        unlabelled = training.use_unlabelled and bool((every.concepts < 0).any())
        if doubted or unlabelled:
            sums = sum_weighted(units, every.concepts, weights, concept_count=count)
            if unlabelled:
                sums = add_unlabelled(sums, units, every.concepts)
            aligner.concept_means.fit(sums)
    return replace(rows, trust=weights[: len(rows)]) if doubted else rows


def doubt_labels(
    aligner: CrossAttentionAligner, rows: LabelledRows, *, names: LabelledRows | None, count: int
) -> LabelTrust:
    """Weigh the labels of rows, and behind them of `names`, with an aligner fitted to both."""
    every = join_labelled([rows, *([names] if names else [])])
    samples = rows.samples
    if samples is not None and len(rows):  # a name is a sample of its own
        behind = torch.arange(len(every) - len(rows)) + 1 + samples.max()
        samples = torch.cat([samples, behind])
    return weigh_labels(
        UnitRows(aligner, every),
        every.concepts,
        concept_count=count,
        samples=samples,
        certain=torch.arange(len(every)) >= len(rows),
    )


@dataclass(frozen=True)
class UnitRows:
    """Unit features of rows, (B, P) a batch, read anew each time they are gone through."""

    aligner: CrossAttentionAligner
    rows: LabelledRows

    def __iter__(self) -> Iterator[Tensor]:
        for features, mask, _ in LabelledBatches(self.rows):
            yield self.aligner.read_unit(features, mask)


def _refuse(aligner: Aligner, training: TrainingRecipe) -> None:
    if training.check_labels:
        raise ConfigError(
            "training.check_labels is true, and weighs labels by the class means of core's "
            f"aligner; {type(aligner).__name__} is another; set it to false"
        )
