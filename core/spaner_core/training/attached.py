"""Trains one aligner alone, against a finished prompt and finished modalities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from transformers import set_seed

from spaner_core.contract.modality import Aligner
from spaner_core.errors import DataError
from spaner_core.features.labelled import LabelledRows
from spaner_core.method.prompt import SharedPrompt, map_to_anchors
from spaner_core.recipe import Recipe
from spaner_core.training.batches import settle_steps
from spaner_core.training.fit_item_maps import fit_attached_map
from spaner_core.training.fit_statistics import fit_statistics
from spaner_core.training.material import ConceptNames, check_concepts
from spaner_core.training.monitoring import Monitor
from spaner_core.training.names import judge_names, read_names
from spaner_core.training.settled import SettledAligner, pulled_rows
from spaner_core.training.trainer import train_jointly


def fit_attached(
    name: str,
    build: Callable[[], Aligner],
    rows: LabelledRows,
    prompt: SharedPrompt,
    *,
    names: ConceptNames | None = None,
    partners: Mapping[str, LabelledRows] | None = None,
    recipe: Recipe,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> Aligner:
    """Train the aligner of `name` alone, by its labels, by pairs with `partners`, or by both.

    `partners` are rows of modalities that are finished, as `embed_once` gives them. Without any
    no other modality is needed: the loss is CE(s_a·h Aᵀ, concept). With them it is that of joint
    training, in which they and the prompt stay as they are. Rows that nothing pulls set centre and
    scale only. `names` are the concepts' names, where the modality can read them: they are used as
    in joint training, but that the anchors are there already.

    Raises `DataError` where all rows are such, or those with a concept are of one alone, and
    `ConfigError` where numbers are no longer finite.
    """
    partners, loss = partners or {}, recipe.loss
    learnt = pulled_rows(rows, partners)
    if not len(learnt):
        raise DataError(
            f"no training row of modality {name!r} has a concept, or an item of another modality; "
            "an aligner is attached to the anchors of concepts, or to rows of the same items. "
            "Give the manifest's rows concepts or items"
        )
    check_concepts(name, learnt)
    if not partners:
        loss = replace(loss, anchor_weight=1.0)  # with nothing beside it there is nothing to weigh
    training = settle_steps(recipe.training, {name: learnt, **partners})
    set_seed(training.seed)
    aligner = build()
    recipe = replace(recipe, training=training)
    rows, names = _fit_statistics(aligner, rows, names, prompt, recipe=recipe)
    train_jointly(
        prompt.freeze(),
        {name: aligner, **{partner: SettledAligner() for partner in partners}},
        {name: pulled_rows(rows, partners), **partners},
        names={name: names.rows} if names else {},
        loss=loss,
        training=training,
        device=device,
        monitor=monitor,
    )
    if partners and loss.item_weight:
        fit_attached_map(name, aligner, rows, partners, prompt, seed=training.seed)
    return aligner


def _fit_statistics(
    aligner: Aligner,
    rows: LabelledRows,
    names: ConceptNames | None,
    prompt: SharedPrompt,
    *,
    recipe: Recipe,
) -> tuple[LabelledRows, ConceptNames | None]:
    """Fit the statistics, with names where these say something; return the rows and such names.

    Where joint training would make anchors of the names, the aligner starts as the map from these
    to the anchors that are there.
    """
    count, training = len(prompt.anchors), recipe.training
    if names:
        reading = read_names(aligner, rows, names, count=count, training=training)
        use = judge_names(reading, recipe.prompt, count=count)
        if use.as_anchors:
            whitening = recipe.prompt.whitening
            tied: Any = aligner
            tied.start_from(map_to_anchors(reading.embeddings, prompt.anchors, whitening=whitening))
        if use.as_rows:
            return reading.rows, names
    return fit_statistics(aligner, rows, count=count, training=training), None
