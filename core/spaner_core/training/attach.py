"""Trains one aligner alone, against a prompt that stays as it is."""

from __future__ import annotations

from collections.abc import Callable

import torch
from transformers import set_seed

from spaner_core.contract.modality import Aligner
from spaner_core.errors import DataError
from spaner_core.features.labelled import LabelledBatches, LabelledRows
from spaner_core.method.prompt import SharedPrompt
from spaner_core.progress import spent
from spaner_core.recipe import TrainingRecipe
from spaner_core.training.material import check_concepts
from spaner_core.training.monitoring import Monitor
from spaner_core.training.trainer import train_attached


def fit_attached(
    name: str,
    build: Callable[[], Aligner],
    rows: LabelledRows,
    prompt: SharedPrompt,
    *,
    training: TrainingRecipe,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> Aligner:
    """Train the aligner of `name` on its own labelled rows; no other modality is needed.

    Rows without a concept set centre and scale only.

    Raises `DataError` where the rows are of fewer than two concepts (items alone do not do, as no
    anchor is theirs), and `ConfigError` where numbers are no longer finite.
    """
    labelled = rows.take(torch.nonzero(rows.concepts >= 0).flatten())
    if not len(labelled):
        raise DataError(
            f"no training row of modality {name!r} has a concept; an aligner is attached to the "
            "anchors of concepts, and items say nothing of them. Give the manifest's rows concepts"
        )
    check_concepts(name, labelled)
    set_seed(training.seed)
    aligner = build()
    with spent("statistics"):
        aligner.fit_statistics(LabelledBatches(rows), concept_count=len(prompt.anchors))
    train_attached(
        prompt, name, aligner, labelled, training=training, device=device, monitor=monitor
    )
    return aligner
