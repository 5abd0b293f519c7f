"""Draws each step's rows: shared concepts and items first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.data import Dataset

from spaner_core.data.matches import NONE
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import stack_rows
from spaner_core.recipe import TrainingRecipe

ModalityBatch = dict[str, Tensor]
"""Features (B, N, E), mask (B, N), concepts, items and trust, (B,) each, of a modality's rows.

There is no trust where no labels were weighed.
"""


def settle_steps(training: TrainingRecipe, rows: Mapping[str, LabelledRows]) -> TrainingRecipe:
    """Have the number of steps follow the rows that pull anywhere, where it is not given."""
    concepts = {concept for part in rows.values() for concept in part.known_concepts}
    most = max((len(part.labelled) for part in rows.values()), default=0)
    return training.following(rows=most, concepts=len(concepts))


class StepBatches(Dataset[dict[str, ModalityBatch]]):
    """Step i's batch of every modality, drawn by seed and step alone.

    `names` are rows of concepts' names, drawn like a modality of their own, by the same size, and
    put behind the rows of the modality that reads them.
    """

    def __init__(
        self,
        rows: Mapping[str, LabelledRows],
        names: Mapping[str, LabelledRows],
        training: TrainingRecipe,
    ) -> None:
        # a row with neither concept nor item has served the statistics and pulls nowhere
        self.parts = [
            (name, part.take(part.labelled))
            for each in (rows, names)
            for name, part in each.items()
        ]
        if any(part.trust is not None for _, part in self.parts):
            self.parts = [(name, _trusted(part)) for name, part in self.parts]
        self.draw = SharedDraw([part for _, part in self.parts])
        self.training = training

    def __len__(self) -> int:
        return self.training.steps

    def __getitem__(self, step: int) -> dict[str, ModalityBatch]:
        generator = torch.Generator().manual_seed(self.training.seed * 1_000_003 + step)
        places = self.draw.places(self.training.per_device_train_batch_size, generator=generator)
        drawn: dict[str, list[LabelledRows]] = {}
        for (name, part), chosen in zip(self.parts, places, strict=True):
            drawn.setdefault(name, []).append(part.take(chosen))
        return {name: _as_batch(parts) for name, parts in drawn.items()}


class SharedDraw:
    """Draws rows of several parts so that those that belong together come together.

    A group is the rows of one concept, or of one item of which no row has a concept. Every draw
    puts the groups in an order that holds for all parts. A part takes one row of each group in
    that order, then a second row of each, until it has enough. Within a concept the items have an
    order for all parts, too. So the parts get the same concepts, and of these the same items.

    Groups of items are many where groups of concepts are few. They are spread over as many rounds
    as it takes for them to be no more in one round than the concepts; so are groups that only one
    part has, against those that several have.
    """

    def __init__(self, parts: Sequence[LabelledRows]) -> None:
        concepts = 1 + max(int(part.concepts.max()) for part in parts if len(part))
        shared = _in_several([part.items for part in parts])
        concept_of = torch.full_like(shared, NONE, dtype=torch.int64)
        for part in parts:
            known = shared[part.items] & (part.concepts > NONE)
            concept_of[part.items[known]] = part.concepts[known]
        groups = []
        for part in parts:
            concept = torch.where(
                concept_of[part.items] > NONE, concept_of[part.items], part.concepts
            )
            groups.append(torch.where(concept > NONE, concept, concepts + part.items))
        common = _in_several(groups)
        self.groups, self.items = len(common), len(shared)
        is_item = torch.arange(len(common)) >= concepts
        rounds = torch.ones(len(common))
        rounds[is_item] = _rounds(common & is_item, beside=int((common & ~is_item).sum()))
        in_each = float((common / rounds).sum())
        self.parts = []
        for part, group in zip(parts, groups, strict=True):
            alone = (torch.bincount(group, minlength=len(common)) > 0) & ~common
            own = rounds.clone()
            for kind in (alone & is_item, alone & ~is_item):
                own[kind] = _rounds(kind, beside=in_each)
            item = torch.where(shared[part.items], part.items, NONE)
            self.parts.append(_PartDraw(group, item, rounds=own))

    def places(self, size: int, *, generator: torch.Generator) -> list[Tensor]:
        """Return the places of at most `size` rows of each part, (B,) int64, none twice."""
        order = torch.rand(self.groups, generator=generator)
        items, turns = torch.rand(2, self.items, generator=generator)
        return [part.places(size, order, items, turns, generator) for part in self.parts]


class _PartDraw:
    """One part's rows: the group of each (n,), and its item (n,), -1 where no other part has it."""

    def __init__(self, group: Tensor, item: Tensor, *, rounds: Tensor) -> None:
        self.group, self.rounds = group, rounds
        self.groups = torch.nonzero(torch.bincount(group)).flatten()
        self.with_item = torch.nonzero(item > NONE).flatten()
        self.item = item[self.with_item]
        self.alike = torch.bincount(self.item)[self.item]
        self.turn = _ranks(self.item, torch.zeros(len(self.item)))

    def places(
        self, size: int, order: Tensor, items: Tensor, turns: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Draw, with a number in [0, 1) for each item's place and for whose turn it is in it."""
        order = order * self.rounds
        within = torch.rand(len(self.group), generator=generator)
        turn = (self.turn + (turns[self.item] * self.alike).long()) % self.alike
        within[self.with_item] = items[self.item] + turn  # a second row of an item comes later
        # no row of a later group can come before the first rows of as many groups as are enough
        last = order[self.groups].kthvalue(min(size, len(self.groups))).values
        near = torch.nonzero(order[self.group] <= last).flatten()
        rank = _ranks(self.group[near], within[near])
        first = (rank + order[self.group[near]]).topk(min(size, len(near)), largest=False)
        return near[first.indices]


def _in_several(numbers: Sequence[Tensor]) -> Tensor:
    """Say of each number whether two parts or more have it, (count + 1,) bool.

    The last place, that of -1, is false.
    """
    count = 1 + max(int(part.max()) for part in numbers if len(part))
    having = torch.zeros(count + 1, dtype=torch.int64)
    for part in numbers:
        having[:count] += torch.bincount(part[part > NONE], minlength=count) > 0
    return having > 1


def _rounds(groups: Tensor, *, beside: float) -> float:
    """Return over how many rounds to spread `groups` (G,), so that each has `beside` at most."""
    return max(1.0, int(groups.sum()) / beside) if beside else 1.0


def _ranks(groups: Tensor, keys: Tensor) -> Tensor:
    """Return the rank of each row's key (n,) among the rows of its group (n,), from 0."""
    order = (groups * (keys.max().double() + 1) + keys).argsort() if len(keys) else groups
    counts = torch.bincount(groups)
    starts = counts.cumsum(0) - counts
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order)) - starts[groups[order]]
    return ranks


def _trusted(rows: LabelledRows) -> LabelledRows:
    """Give rows whose labels were not weighed the full trust."""
    return rows if rows.trust is not None else replace(rows, trust=torch.ones(len(rows)))


def _as_batch(parts: Sequence[LabelledRows]) -> ModalityBatch:
    rows = stack_rows([part.features.load() for part in parts])
    trust = [part.trust for part in parts if part.trust is not None]
    return {
        **({"trust": torch.cat(trust)} if trust else {}),
        "features": rows.values,
        "mask": rows.mask,
        "concepts": torch.cat([part.concepts for part in parts]),
        "items": torch.cat([part.items for part in parts]),
    }
