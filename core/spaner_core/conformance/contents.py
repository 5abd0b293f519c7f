"""What an opaque sample or encoder input holds, so that changes in it are noticed.

Core does not know what plugins make of an input: tensors, arrays, images, text, or objects and
containers of these. Arrays are whatever offers numpy's array interface, as images do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from spaner_core.pretrained.fingerprint import fingerprint_tensors

PLAIN = (str, bytes, int, float, complex, bool, type(None))


@dataclass(frozen=True)
class Leaf:
    """One value within a sample: where it stands, its type and shape, and a digest of it."""

    place: str
    form: str
    digest: str


def contents(value: object) -> tuple[Leaf, ...]:
    """List all that `value` holds."""
    return tuple(_leaves(value, "it", frozenset()))


def difference(one: object, other: Sequence[Leaf]) -> str | None:
    """Say where `one` differs from contents listed before, or None where it does not."""
    for now, before in zip(contents(one), other, strict=False):
        if now != before:
            return now.place
    return None if len(contents(one)) == len(other) else "its attributes"


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
        yield Leaf(place, kind, repr(value))
    elif isinstance(value, torch.Tensor):
        form = f"{kind} {value.dtype} {tuple(value.shape)}"
        yield Leaf(place, form, fingerprint_tensors({place: value}))
    elif hasattr(value, "__array_interface__"):
        array = np.ascontiguousarray(value)
        form = f"{kind} {array.dtype} {array.shape}"
        yield Leaf(place, form, hashlib.sha256(array.tobytes()).hexdigest())
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
