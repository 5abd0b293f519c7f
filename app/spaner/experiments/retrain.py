"""Trains a project's recipe anew, many times, and measures each time.

The space that the configuration names is neither read nor written.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from spaner_core.data.manifest import Rows
from spaner_core.errors import DataError
from spaner_core.evaluation.coherence import coherence_by_pair
from spaner_core.evaluation.intervals import Interval, intervals, paired_differences
from spaner_core.evaluation.pairs import Linked, every_pair
from spaner_core.evaluation.retrieval import retrieval_by_item, retrieval_by_pair
from spaner_core.features.labelled import LabelledRows
from spaner_core.progress import shows_progress, without_progress
from spaner_core.recipe import Recipe
from spaner_core.space.space import Space
from spaner_core.training.joint import fit_space
from spaner_core.training.material import Material
from torch import Tensor
from tqdm.auto import tqdm

from spaner.evaluation.overlaps import measuring_notices
from spaner.notices import coverage_notices, spelling_notices
from spaner.policy.links import link_notices, measured_links
from spaner.project import Project
from spaner.splits import check_held_out, measured_rows, too_few_labelled
from spaner.training.plan import labelled_rows, plan_training, prepare_material
from spaner.usable_modalities import declared_modalities, working_modalities

Figures = dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What trainings that differ in their seed alone reached.

    `runs` holds each seed's figures, `figures` their means with 95% t-intervals, `differences`
    means and intervals of this outcome's figures minus those of another, paired by seed; empty
    where there is nothing to compare with.
    """

    runs: dict[int, Figures]
    figures: dict[str, Interval]
    differences: dict[str, Interval]


def sum_up(runs: Mapping[int, Figures], against: Mapping[int, Figures] | None = None) -> Outcome:
    """Average runs over their seeds, and their differences to the runs `against`."""
    return Outcome(
        runs=dict(runs),
        figures=intervals(runs),
        differences=paired_differences(runs, against) if against else {},
    )


class Embedded(NamedTuple):
    """Embeddings (n, D) of a modality's measured rows: to look for kinds, and for things."""

    of_kinds: Tensor
    of_things: Tensor


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """All that trainings of one project have in common, its features in the store.

    `measured` are the rows that are measured, in those modalities that have some; `linked` says
    which modalities may be measured with which.
    """

    material: Material
    measured: Mapping[str, LabelledRows]
    recipe: Recipe
    device: str
    linked: Linked = every_pair

    @property
    def rows(self) -> dict[str, LabelledRows]:
        """The training rows of each modality."""
        return self.material.rows

    def fit(self, rows: Mapping[str, LabelledRows], *, seed: int) -> Space:
        """Train on `rows`, with all that the recipe draws drawn by `seed`.

        Modalities that `rows` lacks are left out. Concepts' names are embedded by the modality
        that does so when nothing is left out, or not at all. Raises `DataError` as `fit_space`.
        """
        recipe = replace(self.recipe, training=replace(self.recipe.training, seed=seed))
        with without_progress():  # its own bar would stand under the one that counts trainings
            material = self.material.with_rows(rows)
            return fit_space(material, recipe=recipe, device=self.device).space

    def embed(self, space: Space, *, strength: float | None = None) -> dict[str, Embedded]:
        """Embed the measured rows, at the pull strength of kinds by default, and at that of things.

        Where nothing was trained by concept, or nothing by item, the space's default stands in.
        """
        kind = space.strengths.of("kind") if strength is None else strength
        thing = space.strengths.of("thing")
        return {
            name: Embedded(
                *(
                    torch.from_numpy(space.embed(name, part.features, strength=pull))
                    for pull in (kind, thing)
                )
            )
            for name, part in self.measured.items()
            if name in space.modalities
        }

    def train(self, rows: Mapping[str, LabelledRows], *, seed: int) -> dict[str, Embedded]:
        """Fit, and embed the measured rows."""
        return self.embed(self.fit(rows, seed=seed))

    def measure(self, embedded: Mapping[str, Embedded]) -> Figures:
        """Measure retrieval, by item too, and coherence among the modalities of `embedded`."""
        labels = {name: self.measured[name].labels for name in embedded}
        kinds = {name: part.of_kinds for name, part in embedded.items()}
        things = {name: part.of_things for name, part in embedded.items()}
        return {
            **retrieval_by_pair(kinds, labels, linked=self.linked),
            **coherence_by_pair(kinds, labels, linked=self.linked),
            **retrieval_by_item(things, labels, linked=self.linked),
        }


def prepare_retraining(project: Project, split: str, *, names: Sequence[str] = ()) -> Retraining:
    """Bring the features of training rows and of a split to the store, for many trainings.

    Takes the named modalities, all declared ones by default, as `spaner train` does. Raises what
    that would raise, and `DataError` where `split` has been trained on or has rows of fewer than
    two modalities, `ConfigError` where `policy.links` lets none of them be measured with another.
    """
    chosen = declared_modalities(project, names)
    check_held_out(project.manifest, split)
    names = working_modalities(project, chosen, asked=names)
    linked = measured_links(project.config, names)
    chosen_rows = _measured_modalities(project, names, split)
    plan = plan_training(project, names)
    material = prepare_material(project, plan)
    measured = {
        name: labelled_rows(project, name, rows, concepts=plan.concepts)
        for name, rows in chosen_rows.items()
    }
    project.say(
        *measuring_notices(project, names, split),
        *spelling_notices(plan.concepts, project.manifest.rows),
        *coverage_notices(material),
        *link_notices(project.config, measured),
    )
    return Retraining(
        material=material,
        measured=measured,
        recipe=project.config.recipe,
        device=project.device,
        linked=linked,
    )


def counted(total: int, what: str) -> tqdm[None]:
    """Return the bar that counts what is done; none is shown where nobody looks on."""
    return tqdm(total=total, desc=what, disable=not shows_progress())


def mean_known(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are there, None where none is."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _measured_modalities(project: Project, names: Sequence[str], split: str) -> dict[str, Rows]:
    manifest = project.manifest
    having = {name: rows for name in names if (rows := measured_rows(manifest, name, split))}
    if len(having) < 2:
        told = too_few_labelled(manifest, split, having=list(having), known=names)
        raise DataError(f"{told}{project.left_out.words}")
    return having
