"""What every method is given, and what it has to return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spaner.demo.texts import DIGITS
from spaner_core.contract.modality import Aligner
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import FeatureRows
from torch import Tensor

TEXT = "text"
CONCEPT_COUNT = len(DIGITS)

Settings = Mapping[str, Any]
"""A method's hyper-parameters by name."""

BuildAligner = Callable[[str, Mapping[str, object]], Aligner]
"""Builds an untrained aligner of a modality with the given options, through its plugin."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """The texts themselves, row by row, for a method that reads them anew."""

    rows: Sequence[str]
    names: Sequence[str]
    shown: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One few-shot task.

    `rows` are the training rows of each modality, concept -1 where the label is withheld; `names`
    are the concepts' embedded names, which every method may use as texts with a label; `shown` are
    the rows to embed, without labels. Support set and weights both follow `seed`.
    """

    rows: Mapping[str, LabelledRows]
    names: LabelledRows
    shown: Mapping[str, FeatureRows]
    written: Written
    build: BuildAligner
    seed: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Embeddings (n, ·) of the rows shown, by modality, all of one width.

    `parameters` counts the numbers that training set: weights, or what a closed form solved for.
    """

    embeddings: Mapping[str, Tensor]
    parameters: int


Fit = Callable[[Task, Settings], Outcome]
