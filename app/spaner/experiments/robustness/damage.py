"""Damages training rows as accidents would, drawn by a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import torch
from spaner_core.features.labelled import LabelledRows
from torch import Tensor

from spaner.experiments.seeds import drawing

TrainingRows = Mapping[str, LabelledRows]

MISSING = "missing modality"
ABSENT = "absent concepts"
FALLING = "rows fall off as 1, 1/2, 1/4, ..."
WRONG_SHARES = (0.1, 0.2)
"""Shares of the labelled rows that get another concept."""

ABSENT_SHARE = 1 / 3
"""Share of a modality's concepts that it loses."""


@dataclass(frozen=True, kw_only=True)
class DamagedRows:
    """What is left to train on; `absent` holds the concepts (k,) that a modality has lost."""

    rows: TrainingRows
    absent: Mapping[str, Tensor] = field(default_factory=dict)


class Draw(Protocol):
    """Says for a seed what is left of training rows."""

    def __call__(self, rows: TrainingRows, *, seed: int) -> DamagedRows:
        """Return what is left of `rows`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One way in which training data falls short.

    `modality` is the one that it befalls, None where it befalls all.
    """

    kind: str
    name: str
    modality: str | None
    draw: Draw


def damages(
    rows: TrainingRows, measured: Mapping[str, object], *, naming: str | None = None
) -> tuple[Damage, ...]:
    """List what can befall `rows`.

    A modality can be missing where two others are `measured`, and lose concepts where it has three.
    The one that embeds concepts' names, `naming`, then keeps the names of those that it lost.
    """
    wrong = [
        Damage(
            kind="wrong labels",
            name=f"{share:.0%} wrong labels",
            modality=None,
            draw=partial(with_wrong_labels, share=share),
        )
        for share in WRONG_SHARES
    ]
    missing = [
        Damage(
            kind=MISSING,
            name=f"without {name}",
            modality=name,
            draw=partial(without_modality, name=name),
        )
        for name in rows
        if len(measured.keys() - {name}) >= 2
    ]
    absent = [
        Damage(
            kind=ABSENT,
            name=f"{name} lacks a third of its concepts"
            + (", but not their names" if name == naming else ""),
            modality=name,
            draw=partial(without_concepts, name=name),
        )
        for name, part in rows.items()
        if len(_known(part)) >= 3
    ]
    falling = Damage(kind="imbalance", name=FALLING, modality=None, draw=with_imbalance)
    return (*wrong, *missing, *absent, falling)


def with_wrong_labels(rows: TrainingRows, share: float, *, seed: int) -> DamagedRows:
    """Give a share of each modality's labelled rows another one of its concepts.

    Rows drawn for a smaller share are among those drawn for a larger one.
    """
    return DamagedRows(
        rows={
            name: _mislabel(part, share, drawing(seed, "wrong labels", name))
            for name, part in rows.items()
        }
    )


def without_modality(rows: TrainingRows, name: str, *, seed: int) -> DamagedRows:
    """Leave one modality out, whatever the seed."""
    return DamagedRows(rows={other: part for other, part in rows.items() if other != name})


def without_concepts(rows: TrainingRows, name: str, *, seed: int) -> DamagedRows:
    """Take the rows of a drawn third of its concepts from one modality; at least two are left."""
    part, draw = rows[name], drawing(seed, "absent concepts", name)
    known = _known(part)
    count = min(max(1, round(len(known) * ABSENT_SHARE)), len(known) - 2)
    absent = known[torch.randperm(len(known), generator=draw)[:count]]
    kept = torch.nonzero(~torch.isin(part.concepts, absent)).flatten()
    return DamagedRows(rows={**rows, name: part.take(kept)}, absent={name: absent})


def with_imbalance(rows: TrainingRows, *, seed: int) -> DamagedRows:
    """Take rows away so that concepts, in a drawn order, keep all, 1/2, 1/4, ... of theirs.

    The order is the same in every modality; one row at least is kept of each concept.
    """
    known = _distinct(torch.cat([_known(part) for part in rows.values()]))
    order = known[torch.randperm(len(known), generator=drawing(seed, "imbalance"))]
    return DamagedRows(
        rows={
            name: _thin_out(part, order, drawing(seed, "imbalance", name))
            for name, part in rows.items()
        }
    )


def _mislabel(rows: LabelledRows, share: float, draw: torch.Generator) -> LabelledRows:
    labelled, known = torch.nonzero(rows.concepts >= 0).flatten(), _known(rows)
    if len(known) < 2:
        return rows
    order = labelled[torch.randperm(len(labelled), generator=draw)]
    # a step of 1 to C - 1 around the circle of concepts never comes back to the row's own
    steps = torch.randint(1, len(known), (len(order),), generator=draw)
    others = known[(torch.searchsorted(known, rows.concepts[order]) + steps) % len(known)]
    count = round(share * len(order))
    concepts = rows.concepts.clone()
    concepts[order[:count]] = others[:count]
    return replace(rows, concepts=concepts)


def _thin_out(rows: LabelledRows, order: Tensor, draw: torch.Generator) -> LabelledRows:
    kept = rows.concepts < 0
    for place, concept in enumerate(order.tolist()):
        own = torch.nonzero(rows.concepts == concept).flatten()
        chosen = own[torch.randperm(len(own), generator=draw)]
        kept[chosen[: max(1, round(len(own) / 2**place))]] = True
    return rows.take(torch.nonzero(kept).flatten())


def _known(rows: LabelledRows) -> Tensor:
    """Return the concepts that rows are of, sorted, (k,)."""
    return _distinct(rows.concepts[rows.concepts >= 0])


def _distinct(numbers: Tensor) -> Tensor:
    """Return each number once, sorted."""
    found: Tensor = torch.unique(numbers)
    return found
