"""Trains a project's space from nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spaner_core.space.destination import check_output
from spaner_core.space.receipts import RECEIPT, find_parts
from spaner_core.space.records import Same
from spaner_core.training.joint import fit_space
from spaner_core.training.monitoring import replacing_traces

from spaner.notices import (
    coverage_notices,
    label_notices,
    spelling_notices,
    unlabelled_notices,
)
from spaner.output_paths import check_new_space, check_traces
from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.seen_rows import note_seen
from spaner.training.plan import count_parameters, plan_training, prepare_material
from spaner.training.watch import monitor_training, monitoring_notices
from spaner.usable_modalities import declared_modalities


@dataclass(frozen=True, kw_only=True, repr=False)
class TrainingReport(Report):
    """What a training did: rows, parameters trained, and rows that could not be used.

    `pairs` counts the items that a newcomer shares with each modality that was there before.
    `strengths` are the pull strengths of a new space for things and for kinds, of those that it was
    trained on.
    """

    space: Path
    rows: dict[str, int]
    trained_parameters: dict[str, int]
    concepts: int
    anchors: str
    put_aside: dict[str, int]
    receipts: tuple[Path, ...]
    pairs: dict[str, int] = field(default_factory=dict)
    strengths: Mapping[Same, float] = field(default_factory=dict)

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited({"rows": sum(self.rows.values())}, {*self.rows, *self.pairs})


def train(
    project: Project,
    names: Sequence[str] = (),
    *,
    overwrite: bool = False,
) -> TrainingReport:
    """Train a new space with the named modalities (all declared ones by default).

    Raises `OutputExists` before anything is extracted where the space exists, or holds more than
    a space, and `ConfigError` where it cannot be written.
    """
    config, names = project.config, declared_modalities(project, names)
    check_new_space(project)
    check_traces(project)
    check_output(config.space, overwrite=overwrite)
    project.assembly.check_options(names)
    plan = plan_training(project, names)
    monitor = monitor_training(project, names)
    material = prepare_material(project, plan)
    project.say(
        *spelling_notices(material.concepts, project.manifest.rows),
        *coverage_notices(material),
        *unlabelled_notices(material.rows, use_unlabelled=config.recipe.training.use_unlabelled),
    )
    with replacing_traces(monitor) as aside:
        trained = fit_space(material, recipe=config.recipe, device=project.device, monitor=aside)
        trained.space.save_pretrained(config.space, overwrite=overwrite)
    for name in names:
        project.freshness.trained(name)
    note_seen(project, names, plan.rows)
    project.say(*label_notices(trained), *monitoring_notices(project, monitor, names))
    return TrainingReport(
        space=config.space,
        rows={name: len(part) for name, part in material.rows.items()},
        trained_parameters={
            name: count_parameters(trained.space.aligner(name)) for name in material.modalities
        },
        concepts=len(material.concepts),
        anchors=trained.space.record.anchors,
        put_aside=project.quarantine.counts,
        receipts=tuple(config.space / part / RECEIPT for part in find_parts(config.space)),
        strengths=trained.space.strengths.trained,
    )
