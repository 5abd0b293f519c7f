"""Plans a training from configuration and manifest, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from spaner_core.data.label_texts import complete_label_texts, read_label_texts
from spaner_core.data.manifest import Rows
from spaner_core.errors import ConfigError, DataError

from spaner.project import Project
from spaner.splits import TRAIN_SPLIT, split_rows, trained_split


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What would train: the concepts with their texts, and each modality's manifest rows.

    `names_from` is the modality that embeds the texts, None where none does.
    """

    label_texts: Mapping[str, tuple[str, ...]]
    names_from: str | None
    rows: Mapping[str, Rows]

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept that gets an anchor, in the order of the anchors."""
        return tuple(self.label_texts)


def plan_training(project: Project, names: Sequence[str]) -> TrainingPlan:
    """Plan the training of a new space with the modalities `names`.

    Raises `ConfigError` and `DataError` where it cannot train, or stored features are stale.
    """
    label_texts = read_project_labels(project)
    plan = TrainingPlan(
        label_texts=label_texts,
        names_from=label_modality(project, names, label_texts),
        rows={name: training_rows(project, name) for name in names},
    )
    project.freshness.check(names)
    return plan


def count_parameters(aligner: Any) -> int:
    """Count the trainable parameters that an aligner was built with."""
    return sum(parameter.numel() for parameter in aligner.parameters())


def declared_modalities(project: Project, names: Sequence[str]) -> tuple[str, ...]:
    """Return the declared modalities among `names`, all by default, as they are declared.

    Raises `ConfigError` for a name that is not declared.
    """
    project.config.check_declared(names)
    return tuple(name for name in project.config.modalities if name in names or not names)


def working_modalities(
    project: Project, names: Sequence[str], *, asked: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return those of the declared modalities `names` whose plugins work.

    The others are left out, and `project.left_out` keeps why. Raises `PluginError` for one of those
    that were `asked` for, and `ConfigError` with every wrong option of those that work.
    """
    working = []
    for name in names:
        with project.left_out.where_broken(name, asked=name in asked):
            with suppress(ConfigError):  # wrong options are told all together
                project.assembly.modality(name)
            working.append(name)
    project.assembly.check_options(working)
    return tuple(working)


def read_project_labels(project: Project) -> dict[str, tuple[str, ...]]:
    """Return every concept that gets an anchor, sorted, with the texts that it is called by."""
    path = project.config.prompt.labels
    given = read_label_texts(path) if path else {}
    trained = project.manifest.select(split=trained_split(project.manifest))
    concepts = trained.concepts
    return complete_label_texts(concepts, given)


def label_modality(
    project: Project, names: Sequence[str], label_texts: Mapping[str, tuple[str, ...]]
) -> str | None:
    """Return the modality that embeds the concepts' names, None where none does.

    Raises `ConfigError` where `prompt.labels_from` names one that cannot, or is not trained.
    """
    chosen = project.config.prompt.labels_from
    if chosen is not None and chosen not in names:
        raise ConfigError(
            f"prompt.labels_from is {chosen!r}, which is not among the modalities trained now "
            f"({', '.join(names)}); train it too, or name another"
        )
    able = [name for name in names if project.registry.load(name).modality.embeds_labels]
    if chosen is not None and chosen not in able:
        raise ConfigError(
            f"prompt.labels_from is {chosen!r}, whose plugin cannot embed concept names; "
            f"able are {', '.join(able) or 'none of those trained'}"
        )
    if not able or len(label_texts) < 2 or project.config.prompt.anchors == "random":
        return None
    return chosen or able[0]


def training_rows(project: Project, name: str) -> Rows:
    """Return a modality's training rows.

    Raises `DataError` where there are none, or labelled ones of fewer than two concepts.
    """
    rows = split_rows(project.manifest, name, TRAIN_SPLIT)
    concepts = rows.concepts
    if len(concepts) == 1 or not (concepts or any(row.item for row in rows)):
        found = f"of one concept, {concepts[0]!r}" if concepts else "without concept or item"
        raise DataError(
            f"{project.manifest.path}:{rows[0].line}: the training rows of modality {name!r} are "
            f"all {found}; at least 2 concepts are needed to tell them apart. Add rows of others"
        )
    return rows
