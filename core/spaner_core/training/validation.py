"""Measures validation rows while aligners train."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from spaner_core.data.matches import Labels, SamplePositives
from spaner_core.evaluation.coherence import matched_cosine, modality_gap
from spaner_core.evaluation.pairs import Linked, every_pair
from spaner_core.evaluation.retrieval import retrieval
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import BATCH_ROWS, RowSource, load_in_batches
from spaner_core.method.prompt import SharedPrompt
from spaner_core.progress import spent

FIGURES = ("mean_map", "mean_recall@1", "mean_modality_gap", "mean_matched_cosine")


@dataclass(frozen=True, kw_only=True)
class SettledRows:
    """Embeddings (n, D) of validation rows of a modality that does not train any more."""

    embeddings: Tensor
    labels: Labels


class Pulled(NamedTuple):
    """Embeddings (n, D) of a modality's rows, and how much of them comes from the prompt."""

    embeddings: Tensor
    pull_share: float


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Validation rows of the modalities that train, and of others that these are compared with.

    All are measured at the pull strength `strength`, the space's own, and only what is `linked`.
    """

    rows: Mapping[str, LabelledRows]
    strength: float
    linked: Linked = every_pair
    settled: Mapping[str, SettledRows] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """What `figures` are called, in order."""
        return (*FIGURES, *(f"{name}_pull_share" for name in self.rows))

    def has_matches(self) -> bool:
        """Tell whether any row belongs together with one of another modality."""
        return any(
            bool(matches[start : start + BATCH_ROWS].any())
            for matches in map(self._matches, self._pairs())
            for start in range(0, matches.shape[0], BATCH_ROWS)
        )

    def embed(self, aligners: Mapping[str, Any], prompt: SharedPrompt) -> dict[str, Pulled]:
        """Embed the rows as they would be in use, and leave the aligners in the mode they were.

        Nothing is drawn from a random generator.
        """
        chosen = {name: aligners[name] for name in self.rows}
        with in_use(chosen.values()), torch.no_grad(), spent("validation"):
            return {
                name: _pull(aligner, self.rows[name].features, prompt, strength=self.strength)
                for name, aligner in chosen.items()
            }

    def figures(self, embedded: Mapping[str, Pulled]) -> dict[str, float | None]:
        """Measure what `embed` gave; None where there is nothing to measure.

        `mean_map` and `mean_recall@1` are means over the ordered pairs of modalities,
        `mean_modality_gap` and `mean_matched_cosine` over the unordered ones, as `spaner_core.
        evaluation` defines them; pairs of settled modalities do not count. `{name}_pull_share` is
        how much of an embedding comes from the prompt: the mean over rows of
        ‖s·w A‖ / (‖s·w A‖ + ‖(1 − s)·h‖), with s the pull strength.
        """
        found: dict[str, list[float | None]] = {name: [] for name in FIGURES}
        with spent("validation"):
            for pair in self._pairs():
                a, b = (self._samples(name, embedded) for name in pair)
                for queries, gallery, names in ((a, b, pair), (b, a, pair[::-1])):
                    if not self.linked(*names):
                        continue
                    answers = retrieval(queries, gallery, self._matches(names), ks=(1,))
                    found["mean_map"].append(answers.mean_average_precision)
                    found["mean_recall@1"].append(answers.recall[1])
                found["mean_modality_gap"].append(modality_gap(a, b))
                found["mean_matched_cosine"].append(matched_cosine(a, b, self._matches(pair)))
        shares = {f"{name}_pull_share": part.pull_share for name, part in embedded.items()}
        return {**{name: _mean(values) for name, values in found.items()}, **shares}

    def _pairs(self) -> Iterator[tuple[str, str]]:
        """Every pair of modalities that is linked, and of which at least the first trains."""
        pairs = combinations([*self.rows, *self.settled], 2)
        return (
            (a, b) for a, b in pairs if a in self.rows and (self.linked(a, b) or self.linked(b, a))
        )

    def _labels(self, name: str) -> Labels:
        return (self.rows[name] if name in self.rows else self.settled[name]).labels

    def _matches(self, pair: tuple[str, str]) -> SamplePositives:
        return SamplePositives(self._labels(pair[0]), self._labels(pair[1]))

    def _samples(self, name: str, embedded: Mapping[str, Pulled]) -> Tensor:
        """One embedding a sample: one with several concepts has several rows."""
        part = embedded[name] if name in embedded else self.settled[name]
        return part.embeddings[self._labels(name).first_rows()]


@contextmanager
def in_use(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Switch modules to evaluation, and each part of them back to the mode in which it was."""
    modes = [(part, part.training) for module in modules for part in module.modules()]
    for part, _ in modes:
        part.training = False
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _pull(aligner: Any, rows: RowSource, prompt: SharedPrompt, *, strength: float) -> Pulled:
    anchors = prompt.anchors
    embeddings, shares = [], []
    for part in load_in_batches(rows):
        values, mask = part.values.to(anchors.device), part.mask.to(anchors.device)
        given = aligner(values, mask, anchors, beta=prompt.beta, strength=strength)
        prompted = (strength * given.weights @ anchors).norm(dim=-1)  # (B,)
        own = ((1 - strength) * given.direction).norm(dim=-1)
        embeddings.append(given.embedding.cpu())
        # without any anchor nothing is pulled, at full strength too
        shares.append((prompted / (prompted + own).clamp_min(1e-12)).double().cpu())
    return Pulled(torch.cat(embeddings), float(torch.cat(shares).mean()))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
