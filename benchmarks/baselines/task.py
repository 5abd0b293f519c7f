"""What every method is given, and what it has to return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from datasets import Dataset
from spaner_core.data.matches import NONE
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import FeatureRows
from torch import Tensor
from trials import draw_support

Settings = Mapping[str, Any]
"""A method's hyper-parameters by name."""

Shots = int | None
"""Labelled rows a concept in every modality; None is all that there are."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One few-shot task.

    `dataset` has the training rows, concept -1 where the label is withheld, and no others. `shown`
    are the rows to embed, without labels, and `written` the texts themselves of those of texts, for
    a method that reads them anew. Support set and weights both follow `seed`.
    """

    dataset: Dataset
    shown: Mapping[str, FeatureRows]
    written: Sequence[str]
    seed: int

    @property
    def rows(self) -> dict[str, LabelledRows]:
        """The training rows of each modality, which share concepts alone: no items."""
        return {
            name: replace(part, items=torch.full_like(part.items, NONE))
            for name, part in self.dataset.train.items()
        }

    @property
    def names(self) -> LabelledRows:
        """The concepts' embedded names, which every method may use as texts with a label."""
        names = self.dataset.material.names
        assert names, "every data set has names"
        return names.rows

    @property
    def concept_count(self) -> int:
        """How many concepts there are."""
        return len(self.dataset.material.concepts)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Embeddings (n, ·) of the rows shown, by modality, all of one width.

    `parameters` counts the numbers that training set: weights, or what a closed form solved for.
    """

    embeddings: Mapping[str, Tensor]
    parameters: int


Fit = Callable[[Task, Settings], Outcome]


def draw_task(dataset: Dataset, split: str, *, shots: Shots, seed: int) -> Task:
    """Draw a support set; `split` is what is to be embedded."""
    support = dataset.with_train(draw_support(dataset.train, shots, seed))
    held_out = dataset.held_out[split]
    return Task(
        dataset=replace(support, held_out={}),
        shown={name: part.features.load() for name, part in held_out.items()},
        written=dataset.texts[split],
        seed=seed,
    )
