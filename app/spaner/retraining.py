"""Training a project's recipe anew, many times, from stored features, and measuring each time.

The space that the configuration names is neither read nor written.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from spaner_core.data.labelled import LabelledRows, number_rows
from spaner_core.data.manifest import Row
from spaner_core.errors import DataError
from spaner_core.evaluation.coherence import coherence_by_pair
from spaner_core.evaluation.intervals import Interval, intervals, paired_differences
from spaner_core.evaluation.retrieval import retrieval_by_pair
from spaner_core.features.rows import RowSource, load_in_batches
from spaner_core.modality import Aligner
from spaner_core.positives import Labels
from spaner_core.progress import shows_progress, without_progress
from spaner_core.recipe import Recipe
from spaner_core.threads import one_thread
from spaner_core.training.joint import ConceptNames, Trained, fit_space
from torch import Tensor
from tqdm.auto import tqdm

from spaner.notices import coverage_notices, spelling_notices
from spaner.overlaps import measuring_notices
from spaner.plan import (
    declared_modalities,
    label_modality,
    read_project_labels,
    training_rows,
    working_modalities,
)
from spaner.project import Project
from spaner.splits import check_held_out, measured_rows
from spaner.training import label_rows

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


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """All that trainings of one project have in common, its features in the store.

    `rows` are the training rows of each modality, `measured` the rows that are measured, in those
    modalities that have some, and `labels` what metrics need to know of these. `names` are the
    concepts' embedded names.
    """

    concepts: tuple[str, ...]
    rows: Mapping[str, LabelledRows]
    measured: Mapping[str, LabelledRows]
    labels: Mapping[str, Labels]
    names: ConceptNames | None
    builders: Mapping[str, Callable[[], Aligner]]
    recipe: Recipe
    device: str

    def fit(self, rows: Mapping[str, LabelledRows], *, seed: int) -> Trained:
        """Train on `rows`, with all that the recipe draws drawn by `seed`.

        Modalities that `rows` lacks are left out. Concepts' names are embedded by the modality
        that does so when nothing is left out, or not at all. Raises `DataError` as `fit_space`.
        """
        training = replace(self.recipe.training, seed=seed)
        with without_progress():  # its own bar would stand under the one that counts trainings
            return fit_space(
                {name: self.builders[name] for name in rows},
                rows,
                concepts=self.concepts,
                labels=self.names if self.names and self.names.modality in rows else None,
                recipe=replace(self.recipe, training=training),
                device=self.device,
            )

    def embed(self, trained: Trained, *, strength: float | None = None) -> dict[str, Tensor]:
        """Embed the measured rows, (n, D) a modality, at the recipe's pull strength by default."""
        pull = self.recipe.prompt.strength if strength is None else strength
        return {
            name: _embed(trained, name, part.features, strength=pull)
            for name, part in self.measured.items()
            if name in trained.aligners
        }

    def train(self, rows: Mapping[str, LabelledRows], *, seed: int) -> dict[str, Tensor]:
        """Fit, and embed the measured rows."""
        return self.embed(self.fit(rows, seed=seed))

    def measure(self, embeddings: Mapping[str, Tensor]) -> Figures:
        """Measure retrieval and coherence among the modalities of `embeddings`."""
        labels = {name: self.labels[name] for name in embeddings}
        return {**retrieval_by_pair(embeddings, labels), **coherence_by_pair(embeddings, labels)}


def prepare_retraining(project: Project, split: str, *, names: Sequence[str] = ()) -> Retraining:
    """Bring the features of training rows and of a split to the store, for many trainings.

    Takes the named modalities, all declared ones by default, as `spaner train` does. Raises what
    that would raise, and `DataError` where `split` has been trained on or has rows of fewer than
    two modalities.
    """
    chosen = declared_modalities(project, names)
    check_held_out(project.manifest, split)
    names = working_modalities(project, chosen, asked=names)
    measured = _measured_modalities(project, names, split)
    label_texts = read_project_labels(project)
    concepts, source = tuple(label_texts), label_modality(project, names, label_texts)
    training = {name: training_rows(project, name) for name in names}
    project.freshness.check(names)
    usable = {name: project.features(name, rows) for name, rows in training.items()}
    parts = {name: project.features(name, rows) for name, rows in measured.items()}
    project.say(
        *measuring_notices(project, names, split),
        *spelling_notices(concepts, project.manifest.rows),
        *coverage_notices({name: part.rows for name, part in usable.items()}, concepts),
    )
    dim = project.config.prompt.dim
    return Retraining(
        concepts=concepts,
        rows={name: project.labelled(part, concepts) for name, part in usable.items()},
        measured={name: project.labelled(part, concepts) for name, part in parts.items()},
        labels={name: number_rows(part.rows, project.manifest) for name, part in parts.items()},
        names=ConceptNames(source, label_rows(project, source, label_texts)) if source else None,
        builders={name: project.assembly.aligner_builder(name, prompt_dim=dim) for name in names},
        recipe=project.config.recipe,
        device=project.device,
    )


def counted(total: int, what: str) -> tqdm[None]:
    """Return the bar that counts what is done; none is shown where nobody looks on."""
    return tqdm(total=total, desc=what, disable=not shows_progress())


def mean_known(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are there, None where none is."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _measured_modalities(
    project: Project, names: Sequence[str], split: str
) -> dict[str, tuple[Row, ...]]:
    manifest = project.manifest
    having = {name: rows for name in names if (rows := measured_rows(manifest, name, split))}
    if len(having) < 2:
        raise DataError(
            f"{manifest.path}: split {split!r} has rows with a concept or an item of "
            f"{', '.join(having) or 'none'} among {', '.join(names)}; at least two are needed. The "
            f"splits are {', '.join(manifest.splits)}; name one that has{project.left_out.words}"
        )
    return having


def _embed(trained: Trained, name: str, rows: RowSource, *, strength: float) -> Tensor:
    aligner, prompt = trained.aligners[name], trained.prompt
    with torch.inference_mode(), one_thread():
        return torch.cat(
            [
                aligner.forward(
                    part.values, part.mask, prompt.anchors, beta=prompt.beta, strength=strength
                ).embedding
                for part in load_in_batches(rows)
            ]
        )
