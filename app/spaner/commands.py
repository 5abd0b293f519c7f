"""Offers the commands as calls of a project."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from spaner_core.space.opening import load_as

from spaner.arguments import as_path
from spaner.audit.doors import door
from spaner.project import Project as OpenedProject
from spaner.reported import ReportedProject
from spaner.searchable import Searchable
from spaner.space import Space
from spaner.splits import TEST_SPLIT, VALIDATION_SPLIT

if TYPE_CHECKING:
    from spaner.check import CheckReport
    from spaner.evaluation.attention import SampleAttention
    from spaner.evaluation.evaluate import Evaluation
    from spaner.evaluation.prompt import PromptReport
    from spaner.experiments.few_shot import FewShotReport
    from spaner.experiments.robustness.report import RobustnessReport
    from spaner.experiments.tune import TuningReport
    from spaner.index.build import IndexReport
    from spaner.index.check import CheckReport as IndexCheck
    from spaner.labelling.carried_labels import PropagationReport
    from spaner.labelling.request import Propagation
    from spaner.preview import ShownInput
    from spaner.search.calibrate import CalibrationReport
    from spaner.training.extend import ExtensionReport
    from spaner.training.extract import ExtractionReport
    from spaner.training.train import TrainingReport


class Project(Searchable, ReportedProject):
    """A plugins.yaml with what it names: data, features, space.

    Each call does what the command of its name does, raises `SpanerError` where that ends with
    exit code 2, and returns its report; but `check` and `verify` return what they have found wrong.
    `notices` has what commands would note. What a call needs is imported when it is made.
    """

    @cached_property
    def space(self) -> Space:
        """The space that the configuration names, with the encoders that it declares.

        What the project's store has features of is not encoded again.
        """
        from spaner.stored_encoders import StoredEncoders

        space = load_as(Space, self.config.space, lambda _: StoredEncoders(self))
        space.project = self
        return space

    def _searched(self) -> OpenedProject:
        return self

    @door()
    def check(self, *names: str, deep: bool = False, labels: bool = False) -> CheckReport:
        """Look at configuration, manifest and inputs, at all of each with `deep`; train nothing.

        With `labels` training rows are listed whose label their features doubt.
        """
        from spaner.check import check_project

        return check_project(self, names, deep=deep, labels=labels)

    @door(changes=True)
    def extract(
        self, *names: str, again: Sequence[str] = (), prune: bool = False
    ) -> ExtractionReport:
        """Extract features once, `again` for modalities whose encoder changed; `prune` the rest."""
        from spaner.training.extract import extract

        return extract(self, names, again=again, prune=prune)

    @door(changes=True)
    def train(self, *names: str, overwrite: bool = False) -> TrainingReport:
        """Train a new space with the named modalities, by default all that are declared."""
        from spaner.training.train import train

        with self.changing_space():
            return train(self, names, overwrite=overwrite)

    @door(changes=True)
    def attach(self, name: str, *, replace: bool = False) -> TrainingReport:
        """Add a modality to the space: train its aligner alone, change nothing that was there.

        Where the space has an index, the modality's rows are indexed.
        """
        from spaner.index.build import follow_space
        from spaner.training.attach import attach

        with self.changing_space():
            report = attach(self, name, replace=replace)
        follow_space(self, name)
        return report

    @door(changes=True)
    def extend(self, *concepts: str) -> ExtensionReport:
        """Append anchors for new concepts to the prompt."""
        from spaner.training.extend import extend

        with self.changing_space():
            return extend(self, concepts)

    @door("measure")
    def evaluate(
        self,
        *names: str,
        split: str | None = None,
        strength: float | None = None,
        map_file: str | Path | None = None,
        overwrite: bool = False,
    ) -> Evaluation:
        """Measure retrieval for every ordered pair of modalities, and how coherent the space is.

        `map_file` is a PNG to draw a map to.
        """
        from spaner.evaluation.evaluate import evaluate

        return evaluate(
            self,
            split,
            names=names,
            strength=strength,
            map_file=as_path(map_file),
            overwrite=overwrite,
        )

    @door("search", changes=True)
    def calibrate(
        self,
        *,
        split: str = VALIDATION_SPLIT,
        false_accept_rate: float = 0.05,
        unfamiliar_rate: float = 0.05,
        strength: float | None = None,
        overwrite: bool = False,
    ) -> CalibrationReport:
        """Fit what a hit's score is worth, where there is no match, and what is unfamiliar."""
        from spaner.search.calibrate import calibrate

        return calibrate(
            self,
            split=split,
            false_accept_rate=false_accept_rate,
            unfamiliar_rate=unfamiliar_rate,
            strength=strength,
            overwrite=overwrite,
        )

    @door("search", changes=True)
    def index(self, *names: str, overwrite: bool = False) -> IndexReport:
        """Keep the embeddings of the manifest's rows beside the space, or bring them up to date."""
        from spaner.index.build import index

        return index(self, names, overwrite=overwrite)

    @door("search")
    def check_index(self, *names: str, queries: int = 20) -> IndexCheck:
        """Compare what the index finds for so many rows of each modality with slow searches."""
        from spaner.index.check import check_index

        return check_index(self, names, queries=queries)

    @door("propagate")
    def propagate(
        self, asked: Propagation, *, output: str | Path | None = None, overwrite: bool = False
    ) -> PropagationReport:
        """Carry labels of one modality's rows to another's, and write them to `output`, a CSV."""
        from spaner.labelling.propagate import propagate

        return propagate(self, asked, output=as_path(output), overwrite=overwrite)

    @door("measure")
    def prompt(self, split: str | None = None) -> PromptReport:
        """Describe the anchors of the shared prompt, and which rows of a split attend to them."""
        from spaner.evaluation.prompt import attended_prompt

        return attended_prompt(self, split)

    @door("search")
    def attention(self, given: str | Path, *, modality: str, k: int = 5) -> SampleAttention:
        """Say which anchors an input, a path or a text, attends to."""
        from spaner.evaluation.attention import attention_of

        return attention_of(self, str(given), modality=modality, k=k)

    def preview(
        self,
        given: str | Path,
        *,
        modality: str | None = None,
        output: str | Path | None = None,
        overwrite: bool = False,
    ) -> ShownInput:
        """Show an input, a path or a text, as its plugin does, and write a page to `output`."""
        from spaner.preview import preview

        with self:
            return preview(
                self, str(given), modality=modality, output=as_path(output), overwrite=overwrite
            )

    @door("measure")
    def few_shot(
        self,
        *names: str,
        shots: Sequence[int] | None = None,
        seeds: int = 5,
        split: str = TEST_SPLIT,
    ) -> FewShotReport:
        """Train on `shots` labelled rows a concept, `seeds` times each, and measure a split."""
        from spaner.experiments.few_shot import few_shot

        return few_shot(self, names, shots=shots, seeds=seeds, split=split)

    @door("measure")
    def robustness(
        self,
        *,
        inputs: bool = True,
        training: bool = True,
        seeds: int = 3,
        split: str = TEST_SPLIT,
        output: str | Path | None = None,
        overwrite: bool = False,
    ) -> RobustnessReport:
        """Measure what corrupted inputs and damaged training data cost, written to a folder."""
        from spaner.experiments.robustness.report import measure_robustness

        return measure_robustness(
            self,
            inputs=inputs,
            training=training,
            seeds=seeds,
            split=split,
            output=as_path(output),
            overwrite=overwrite,
        )

    @door("measure")
    def tune(
        self,
        *,
        trials: int = 20,
        seconds: float | None = None,
        split: str = VALIDATION_SPLIT,
        output: str | Path | None = None,
        overwrite: bool = False,
    ) -> TuningReport:
        """Choose settings on a split, and write them as a configuration of its own."""
        from spaner.experiments.tune import tune

        return tune(
            self,
            trials=trials,
            seconds=seconds,
            split=split,
            output=as_path(output),
            overwrite=overwrite,
        )
