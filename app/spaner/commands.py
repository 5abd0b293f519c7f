"""Gives what the commands do as calls of a project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spaner_core.space.records import Strength

from spaner.project import Project as OpenedProject
from spaner.splits import VALIDATION_SPLIT

if TYPE_CHECKING:
    from spaner.index.build import IndexReport
    from spaner.index.check import CheckReport
    from spaner.labelling.propagate import PropagationReport
    from spaner.labelling.request import Propagation
    from spaner.search.calibrate import CalibrationReport
    from spaner.search.hits import Hits
    from spaner.training.extend import ExtensionReport
    from spaner.training.train import TrainingReport

Names = str | Sequence[str]
"""One name, or several."""


class Project(OpenedProject):
    """A plugins.yaml with what it names: data, features, space.

    Each call does what the command of its name does, raises `SpanerError` where that ends with
    exit code 2, and returns its report; `notices` has what the command would note. What is imported
    for a call is imported when it is made.
    """

    def train(self, *names: str, overwrite: bool = False) -> TrainingReport:
        """Train a new space with the named modalities, by default all that are declared."""
        from spaner.training.train import train

        with self.changing_space():
            return train(self, names, overwrite=overwrite)

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

    def extend(self, *concepts: str) -> ExtensionReport:
        """Append anchors for new concepts to the prompt."""
        from spaner.training.extend import extend

        with self.changing_space():
            return extend(self, concepts)

    def evaluate(
        self, *names: str, split: str | None = None, strength: float | None = None
    ) -> dict[str, float | None]:
        """Measure retrieval for every ordered pair of modalities, and how coherent the space is.

        docs/metrics.md says what each figure is.
        """
        from spaner.evaluation.evaluate import evaluate

        return evaluate(self, split, names=names, strength=strength)

    def calibrate(
        self,
        *,
        split: str = VALIDATION_SPLIT,
        false_accept_rate: float = 0.05,
        strength: float | None = None,
        overwrite: bool = False,
    ) -> CalibrationReport:
        """Fit what a hit's score is worth, and below which score there is no match."""
        from spaner.search.calibrate import calibrate

        return calibrate(
            self,
            split=split,
            false_accept_rate=false_accept_rate,
            strength=strength,
            overwrite=overwrite,
        )

    def index(self, *names: str, overwrite: bool = False) -> IndexReport:
        """Keep the embeddings of the manifest's rows beside the space, or bring them up to date."""
        from spaner.index.build import index

        return index(self, names, overwrite=overwrite)

    def check_index(self, *names: str, queries: int = 20) -> CheckReport:
        """Compare what the index finds for so many rows of each modality with slow searches."""
        from spaner.index.check import check_index

        return check_index(self, names, queries=queries)

    def search(
        self,
        query: Names = (),
        *,
        source: Names = (),
        targets: Names,
        without: Names = (),
        weights: Sequence[float] = (),
        like: Names = (),
        k: int = 10,
        split: str | None = None,
        where: Names = (),
        strength: Strength | None = None,
        each: bool = False,
    ) -> Hits:
        """Find rows of the target modalities by a path, a text, several of these, or rows.

        `source` is the modality of the query, one for all or one each; `without` is what hits
        should be unlike, `like` are ids of rows, `where` are conditions as "year >= 2020".
        `strength` in [0, 1] is how hard the prompt pulls, or "thing" or "kind". With `each` there
        are `k` hits of every target.
        """
        from spaner.search.exact import search
        from spaner.search.query import rows_like
        from spaner.search.query_parts import check_asked, read_condition, read_parts

        inputs, ids = _listed(query), _listed(like)
        check_asked(inputs, ids)
        parts = read_parts(inputs, _listed(source), without=_listed(without), weights=weights)
        return search(
            self,
            (*parts, *rows_like(self, ids)),
            targets=_listed(targets),
            k=k,
            split=split,
            where=[read_condition(given) for given in _listed(where)],
            strength=strength,
            each=each,
        )

    def propagate(self, asked: Propagation) -> PropagationReport:
        """Carry labels of one modality's rows to another's."""
        from spaner.labelling.propagate import propagate

        return propagate(self, asked)

    def verify(self, *, receipt: Path | None = None) -> list[str]:
        """Compare every file of the space with its receipts; return what is wrong, a line each.

        `receipt` is a copy of one that was kept elsewhere.
        """
        from spaner_core.files.replacing import check_is_space
        from spaner_core.space.receipts import verify

        check_is_space(self.config.space)
        return verify(self.config.space, kept=receipt)


def _listed(given: Names) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
