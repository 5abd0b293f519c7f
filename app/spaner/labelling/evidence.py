"""Gathers what rows, and other modalities of their items, say of labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from spaner_core.contract.modality import Aligner
from spaner_core.features.labelled import LabelledBatches, LabelledRows, join_labelled
from spaner_core.method.aligner import CrossAttentionAligner
from spaner_core.method.label_odds import MarginOdds, fit_odds, wrong_probabilities
from spaner_core.method.trust import (
    FEWEST,
    Comparison,
    LabelTrust,
    compare,
    concepts_of_samples,
)
from spaner_core.training.fit_statistics import UnitRows, doubt_labels
from spaner_core.training.material import Material
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the row at `place` of `modality` says of a label, as cosines with its class means.

    `label_cosine` is that with the label's mean, `nearest` the number of the nearest other concept;
    `log_odds` says how much more such cosines speak for a right label than for a wrong one.
    """

    modality: str
    place: int
    label_cosine: float
    nearest: int
    nearest_cosine: float
    log_odds: float


@dataclass(frozen=True, kw_only=True)
class LabelEvidence:
    """What speaks of the label of the row at `place` of `modality`: first the row itself."""

    modality: str
    place: int
    findings: tuple[Finding, ...]

    @property
    def log_odds(self) -> float:
        """Add up what modalities say, as if they were independent; of one, rows count as mean."""
        by_modality: dict[str, list[float]] = defaultdict(list)
        for one in self.findings:
            by_modality[one.modality].append(one.log_odds)
        return sum(sum(said) / len(said) for said in by_modality.values())


@dataclass(frozen=True, kw_only=True)
class WeighedRows:
    """One modality's training rows with what its class means say of their labels.

    `odds` say what margins are worth there, None where they are worth nothing.
    """

    rows: LabelledRows
    aligner: CrossAttentionAligner
    trust: LabelTrust
    odds: MarginOdds | None
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


def weigh_material(material: Material) -> dict[str, WeighedRows]:
    """Weigh the labels of each modality, but for those whose aligner has no class means of core's.

    Nothing is trained.
    """
    names = material.names
    weighed = {
        name: _weigh_rows(
            part.rows,
            part.build(),
            names=names.rows if names and names.modality == name else None,
            count=len(material.concepts),
        )
        for name, part in material.modalities.items()
    }
    return {name: part for name, part in weighed.items() if part is not None}


def _weigh_rows(
    rows: LabelledRows, aligner: Aligner, *, names: LabelledRows | None, count: int
) -> WeighedRows | None:
    if not isinstance(aligner, CrossAttentionAligner):
        return None
    with torch.no_grad():
        every = join_labelled([rows, *([names] if names else [])])
        aligner.fit_statistics(LabelledBatches(every), concept_count=count)
        trust = doubt_labels(aligner, rows, names=names, count=count)
        beside = concepts_of_samples(rows.concepts, rows.samples, concept_count=count)
        odds = _fit_odds(aligner, rows, trust, beside)
    return WeighedRows(rows=rows, aligner=aligner, trust=trust, odds=odds, beside=beside)


def _fit_odds(
    aligner: CrossAttentionAligner, rows: LabelledRows, trust: LabelTrust, beside: Tensor | None
) -> MarginOdds | None:
    """Compare margins of the labels with those of the same rows under drawn other labels."""
    known = torch.nonzero(trust.sums.support >= FEWEST).flatten()
    own = torch.nonzero(trust.judged[: len(rows)]).flatten()
    if len(known) < 2 or not len(own):
        return None
    draw = torch.Generator().manual_seed(0)
    asked = known[torch.randint(len(known), (len(own),), generator=draw)]
    other = asked != rows.concepts[own]
    asked, changed = asked[other], own[other]
    found = compare(
        UnitRows(aligner, rows.take(changed)),
        rows.concepts[changed],
        trust.weights[changed],
        trust.sums,
        asked=asked,
        beside=None if beside is None else beside[changed],
    )
    return fit_odds(trust.found.take(own).margins, found.margins)


def p_wrong_of(labels: Sequence[LabelEvidence]) -> list[float]:
    """Return for each label how probable it is that it is wrong."""
    log_odds = torch.tensor([label.log_odds for label in labels], dtype=torch.float64)
    return wrong_probabilities(log_odds).tolist()


def find_evidence(weighed: Mapping[str, WeighedRows]) -> list[LabelEvidence]:
    """Gather what rows, and rows of other modalities of the same item, say of labels."""
    return [
        LabelEvidence(modality=name, place=place, findings=tuple(found))
        for name in weighed
        for place, found in _findings_on(weighed, name).items()
    ]


def _findings_on(weighed: Mapping[str, WeighedRows], name: str) -> dict[int, list[Finding]]:
    part = weighed[name]
    found: dict[int, list[Finding]] = defaultdict(list)
    own = torch.nonzero(part.trust.judged[: len(part.rows)]).flatten()
    for place, one in _findings(name, part.odds, own, own, part.trust.found.take(own)):
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
        for row, one in _findings(other_name, other.odds, partner, place, comparison):
            found[row].append(one)
    return found


def _findings(
    name: str, odds: MarginOdds | None, speaking: Tensor, spoken_of: Tensor, found: Comparison
) -> Iterator[tuple[int, Finding]]:
    """Give what rows of a modality say (q,) of labels of others (q,), by the place of the latter.

    Where there is no other concept, or margins are worth nothing, nothing is said.
    """
    if odds is None:
        return
    figures = zip(
        speaking.tolist(), spoken_of.tolist(), found.own.tolist(), found.nearest.tolist(),
        found.other.tolist(), odds.of(found.margins).tolist(), strict=True,
    )  # fmt: skip
    for place, label, own, nearest, other, log_odds in figures:
        if nearest >= 0:
            yield (
                label,
                Finding(
                    modality=name,
                    place=place,
                    label_cosine=own,
                    nearest=nearest,
                    nearest_cosine=other,
                    log_odds=log_odds,
                ),
            )
