"""Measures validation rows while a project trains, and keeps the traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from spaner_core.data.manifest import Rows
from spaner_core.errors import ConfigError
from spaner_core.extras import need
from spaner_core.features.labelled import LabelledRows
from spaner_core.training.monitoring import ATTACHED, LOG, Monitor
from spaner_core.training.validation import SettledRows, Validation

from spaner.evaluation.overlaps import untrained_rows
from spaner.policy.links import linked_for
from spaner.project import Project
from spaner.space_files import TRACES, beside
from spaner.splits import VALIDATION_SPLIT, measured_rows
from spaner.training.plan import labelled_rows
from spaner.usable_modalities import usable_modalities


def monitor_training(project: Project, names: Sequence[str]) -> Monitor:
    """Watch the training of a new space with the validation rows of the modalities it trains.

    Raises `ConfigError` where `training.eval_steps` asks for figures that nothing can give, or
    `training.report_to` for a package that is not installed.
    """
    validation = _validation(project, names, strength=project.config.prompt.strength)
    return _monitor(project, _traces(project), validation)


def monitor_attaching(project: Project, name: str) -> Monitor:
    """Watch `name` being attached, with its validation rows and those of the space's modalities.

    Raises `ConfigError` as `monitor_training` does.
    """
    strength = project.space.record.strength
    validation = _validation(project, [name], strength=strength)
    if validation is not None:
        validation = replace(validation, settled=_settled(project, name))
    return _monitor(project, _traces(project) / f"{ATTACHED}{name}", validation)


def monitoring_notices(project: Project, monitor: Monitor, names: Sequence[str]) -> tuple[str, ...]:
    """Say where a training's figures are, and what they leave out."""
    if monitor.validation is None:
        return ()
    notices = [f"figures of validation rows as training went on: {monitor.folder / LOG}"]
    for name in names:
        every = measured_rows(project.manifest, name, VALIDATION_SPLIT)
        if double := len(every) - len(_untrained(project, name)):
            notices.append(
                f"{double} validation rows of {name!r} repeat samples that it trains on: these "
                "figures leave them out"
            )
        if name not in monitor.validation.rows:
            notices.append(f"{name!r} has no validation rows: these figures leave it out")
    return tuple(notices)


def _traces(project: Project) -> Path:
    return beside(project.config.space, TRACES)


def _monitor(project: Project, folder: Path, validation: Validation | None) -> Monitor:
    recipe = project.config.training
    patience = recipe.early_stopping_patience
    if patience is not None and not (validation and validation.has_matches()):
        raise ConfigError(
            f"{_key(project, 'early_stopping_patience')} is {patience}, but no validation row of "
            "one modality has its concept or item in another, so there is no mAP to wait for; add "
            "such rows, or remove that key"
        )
    return Monitor(folder=folder, recipe=recipe, validation=validation)


def _validation(project: Project, names: Sequence[str], *, strength: float) -> Validation | None:
    recipe = project.config.training
    if recipe.eval_steps is None:
        return None
    _check_reporting(project)
    rows = {name: part for name in names if (part := _rows(project, name)) is not None}
    if not rows:
        raise ConfigError(
            f"{_key(project, 'eval_steps')} is {recipe.eval_steps}, but {project.manifest.path} "
            f"has no usable rows of split {VALIDATION_SPLIT!r} of {', '.join(names)}; its splits "
            f"are {', '.join(project.manifest.splits) or 'none'}. Add such rows, or remove that key"
        )
    linked = linked_for(project.config, "measure")
    return Validation(rows=rows, strength=strength, linked=linked)


def _rows(project: Project, name: str) -> LabelledRows | None:
    rows = _untrained(project, name)
    usable = labelled_rows(project, name, rows) if rows else None
    return usable or None


def _untrained(project: Project, name: str) -> Rows:
    """Return the labelled validation rows that are not in the training split, too."""
    return untrained_rows(project, name, measured_rows(project.manifest, name, VALIDATION_SPLIT))


def _settled(project: Project, attached: str) -> dict[str, SettledRows]:
    """Embed validation rows of the space's other modalities, as far as these can be used here."""
    space = project.space
    settled = {}
    for name in usable_modalities(project):
        if name == attached:
            continue
        with project.left_out.where_broken(name):
            if (rows := _rows(project, name)) is not None:
                embeddings = torch.from_numpy(space.embed(name, rows.features))
                settled[name] = SettledRows(embeddings=embeddings, labels=rows.labels)
    return settled


def _check_reporting(project: Project) -> None:
    if project.config.training.report_to != "none":
        user = f"{_key(project, 'report_to')} needs"
        need("tensorboard", user=user, otherwise="or remove that key")


def _key(project: Project, name: str) -> str:
    return f"{project.config.locate('training', name)}: training.{name}"
