"""Compares features, embeddings, and what opaque samples hold."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spaner_core.conformance.verdict import BrokenRule
from spaner_core.features.rows import FeatureRows
from spaner_core.pretrained.fingerprint import fingerprint_tensors

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


PLAIN = (str, bytes, int, float, complex, bool, type(None))


@dataclass(frozen=True)
class Leaf:
    """One value within a sample: where it stands, its type and shape, and a digest of it.

    `finite` is false where a number in it is NaN or infinite.
    """

    place: str
    form: str
    digest: str
    finite: bool = True


def contents(value: object) -> tuple[Leaf, ...]:
    """List all that `value` holds."""
    return tuple(_leaves(value, "it", frozenset()))


def difference(one: object, other: Sequence[Leaf]) -> str | None:
    """Say where `one` differs from contents listed before, or None where it does not."""
    for now, before in zip(contents(one), other, strict=False):
        if now != before:
            return now.place
    return None if len(contents(one)) == len(other) else "its attributes"


def not_finite(value: object) -> str | None:
    """Say where `value` holds a number that is NaN or infinite, or None where none is."""
    return next((leaf.place for leaf in contents(value) if not leaf.finite), None)


def forms(value: object) -> tuple[tuple[str, str], ...]:
    """List types and shapes of all arrays in `value`, and its own type."""
    arrays = [(leaf.place, leaf.form) for leaf in contents(value) if "(" in leaf.form]
    return (("it", type(value).__name__), *arrays)


def _leaves(value: Any, place: str, seen: frozenset[int]) -> Iterator[Leaf]:
    kind = type(value).__name__
    if id(value) in seen:
        return
    seen = seen | {id(value)}
    if isinstance(value, PLAIN):
        finite = not isinstance(value, float) or math.isfinite(value)
        yield Leaf(place, kind, repr(value), finite)
    elif isinstance(value, torch.Tensor):
        form = f"{kind} {value.dtype} {tuple(value.shape)}"
        finite = bool(torch.isfinite(value).all())
        yield Leaf(place, form, fingerprint_tensors({place: value}), finite)
    elif hasattr(value, "__array_interface__"):
        array = np.ascontiguousarray(value)
        form = f"{kind} {array.dtype} {array.shape}"
        finite = array.dtype.kind not in "fc" or bool(np.isfinite(array).all())
        yield Leaf(place, form, hashlib.sha256(array.tobytes()).hexdigest(), finite)
    elif isinstance(value, Mapping):
        yield Leaf(place, kind, f"{len(value)} keys")
        for key in value:
            yield from _leaves(value[key], f"{place}[{key!r}]", seen)
    elif isinstance(value, Sequence):
        yield Leaf(place, kind, f"{len(value)} parts")
        for number, part in enumerate(value):
            yield from _leaves(part, f"{place}[{number}]", seen)
    else:
        yield Leaf(place, kind, "")
        for name, part in vars(value).items() if hasattr(value, "__dict__") else ():
            yield from _leaves(part, f"{place}.{name}", seen)
