"""When two sets of features, or of embeddings, are the same."""

from __future__ import annotations

import torch
from torch import Tensor

from spaner_core.conformance.verdict import BrokenRule
from spaner_core.features.rows import FeatureRows

TOLERANCE = 1e-5
"""Relative to the largest number of a row: what float32 may lose in another order of sums."""


def features_difference(given: FeatureRows, known: FeatureRows) -> str | None:
    """Say how two sets of features differ: masks at all, values beyond the tolerance; else None.

    A row's tokens may be followed by masked ones.
    """
    if len(given) != len(known) or given.values.shape[2] != known.values.shape[2]:
        return f"{tuple(given.values.shape)} instead of {tuple(known.values.shape)}"
    tokens = max(given.mask.shape[1], known.mask.shape[1])
    one, other = _padded(given, tokens), _padded(known, tokens)
    if not torch.equal(one.mask, other.mask):
        counts = given.mask.sum(dim=1).tolist(), known.mask.sum(dim=1).tolist()
        return f"{counts[0]} real tokens a row instead of {counts[1]}"
    worst = relative_difference(one.values, other.values)
    return None if worst <= TOLERANCE else f"by {worst:.1e} of a row's largest"


def check_same_features(given: FeatureRows, known: FeatureRows, *, when: str, advice: str) -> None:
    """Raise `BrokenRule` unless `given` are `known`; `when` completes "features differ ..."."""
    difference = features_difference(given, known)
    if difference is not None:
        raise BrokenRule(
            f"features differ {when}: {difference}",
            f"the same real tokens, and numbers within {TOLERANCE:.0e}",
            advice,
        )


def check_same_numbers(given: Tensor, known: Tensor, *, what: str, when: str, advice: str) -> None:
    """Raise `BrokenRule` unless rows (B, ...) agree within the tolerance: "embeddings differ"."""
    worst = relative_difference(given, known)
    if not worst <= TOLERANCE:
        raise BrokenRule(
            f"{what} differ {when}, by {worst:.1e}", f"at most {TOLERANCE:.0e}", advice
        )


def relative_difference(given: Tensor, known: Tensor) -> float:
    """Return the largest difference, each relative to its row's largest number; NaN included."""
    smallest = torch.finfo(torch.float32).tiny
    largest = known.abs().flatten(1).amax(dim=1).clamp_min(smallest)
    return float(((given - known).abs().flatten(1).amax(dim=1) / largest).max())


def _padded(rows: FeatureRows, tokens: int) -> FeatureRows:
    more = tokens - rows.mask.shape[1]
    return FeatureRows(
        values=torch.nn.functional.pad(rows.values, (0, 0, 0, more)),
        mask=torch.nn.functional.pad(rows.mask, (0, more)),
    )
