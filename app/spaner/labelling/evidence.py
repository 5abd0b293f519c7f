"""Gathers what rows, and other modalities of their items, say of labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from spaner_core.contract.modality import Aligner
from spaner_core.features.labelled import LabelledBatches, LabelledRows, join_labelled
from spaner_core.method.aligner import CrossAttentionAligner
from spaner_core.method.trust import (
    FEWEST,
    Comparison,
    LabelTrust,
    compare,
    concepts_of_samples,
)
from spaner_core.training.fit_statistics import UnitRows, doubt_labels
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the row at `place` of `modality` says of a label, as cosines with its class means.

    `label_cosine` is that with the label's mean, `nearest` the number of the nearest other concept;
    `weight` in [0, 1] is how much the row believes the label.
    """

    modality: str
    place: int
    label_cosine: float
    nearest: int
    nearest_cosine: float
    weight: float


@dataclass(frozen=True, kw_only=True)
class WeighedRows:
    """One modality's training rows with what its class means say of their labels."""

    rows: LabelledRows
    aligner: CrossAttentionAligner
    trust: LabelTrust
    beside: Tensor | None

    def pairs(self, rows: LabelledRows) -> Tensor:
        """Return places of `rows` with a concept and of own rows of the same item, (q, 2).

        Of concepts alone that own rows say enough of.
        """
        mine: dict[int, list[int]] = defaultdict(list)
        for place, item in enumerate(self.rows.items.tolist()):
            mine[item].append(place)
        labels = zip(rows.items.tolist(), rows.concepts.tolist(), strict=True)
        enough = (self.trust.sums.support >= FEWEST).tolist()
        found = [
            (place, partner)
            for place, (item, concept) in enumerate(labels)
            if item >= 0 and concept >= 0 and enough[concept]
            for partner in mine.get(item, ())
        ]
        return torch.tensor(found, dtype=torch.int64).reshape(-1, 2)


def weigh_rows(
    rows: LabelledRows, build: Callable[[], Aligner], *, names: LabelledRows | None, count: int
) -> WeighedRows | None:
    """Weigh labels of `count` concepts by an untrained aligner's class means.

    `names` are rows of the concepts' names, where the modality embeds them. Returns None where the
    aligner has no class means of core's.
    """
    aligner = build()
    if not isinstance(aligner, CrossAttentionAligner):
        return None
    with torch.no_grad():
        every = join_labelled([rows, *([names] if names else [])])
        aligner.fit_statistics(LabelledBatches(every), concept_count=count)
        trust = doubt_labels(aligner, rows, names=names, count=count)
    beside = concepts_of_samples(rows.concepts, rows.samples, concept_count=count)
    return WeighedRows(rows=rows, aligner=aligner, trust=trust, beside=beside)


def find_evidence(weighed: Mapping[str, WeighedRows], name: str) -> dict[int, list[Finding]]:
    """Gather what speaks of each label of a modality, by its row's place: first the row itself."""
    part = weighed[name]
    found: dict[int, list[Finding]] = defaultdict(list)
    own = torch.nonzero(part.trust.judged[: len(part.rows)]).flatten()
    for place, one in _findings(name, own, own, part.trust.found.take(own)):
        found[place].append(one)
    for other_name, other in weighed.items():
        pairs = other.pairs(part.rows)
        if other is part or not len(pairs):
            continue
        place, partner = pairs.T
        rows = other.rows.take(partner)
        with torch.no_grad():
            comparison = compare(
                UnitRows(other.aligner, rows),
                rows.concepts,
                other.trust.weights[partner],
                other.trust.sums,
                asked=part.rows.concepts[place],
                beside=None if part.beside is None else part.beside[place],
            )
        for row, one in _findings(other_name, partner, place, comparison):
            found[row].append(one)
    return found


def _findings(
    name: str, speaking: Tensor, spoken_of: Tensor, found: Comparison
) -> Iterator[tuple[int, Finding]]:
    """Give what rows of a modality say (q,) of labels of others (q,), by the place of the latter.

    Where there is no other concept, nothing is said.
    """
    figures = zip(
        speaking.tolist(), spoken_of.tolist(), found.own.tolist(), found.nearest.tolist(),
        found.other.tolist(), found.weights.tolist(), strict=True,
    )  # fmt: skip
    for place, label, own, nearest, other, weight in figures:
        if nearest >= 0:
            yield (
                label,
                Finding(
                    modality=name,
                    place=place,
                    label_cosine=own,
                    nearest=nearest,
                    nearest_cosine=other,
                    weight=weight,
                ),
            )
