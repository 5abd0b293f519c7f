"""Makes objects like a given one, with other numbers in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

SHIFT = 0.25
"""What is added to numbers, as a share of their largest: none is where an example has 0."""


def similar_objects(value: object) -> Iterator[object]:
    """Make copies whose arrays are shifted, and whose arrays are in reverse; none where none is.

    Changing an object in place may change nothing in an example, such as a start moved to 0.
    """
    for change in (_shifted, np.flip):
        found: list[Any] = []
        made = _with_arrays(value, change, found)
        if found:
            yield made


def _with_arrays(value: Any, change: Callable[[Any], Any], found: list[Any]) -> Any:
    """Copy a value with other arrays and tensors, which are added to `found`."""
    if isinstance(value, torch.Tensor):
        return torch.from_numpy(_with_arrays(value.numpy(force=True), change, found))
    if type(value) is np.ndarray and value.size and value.dtype.kind in "fiu":
        found.append(value)
        return np.ascontiguousarray(change(value)).astype(value.dtype)
    if type(value) in (tuple, list):
        return type(value)(_with_arrays(part, change, found) for part in value)
    if type(value) is dict:
        return {key: _with_arrays(part, change, found) for key, part in value.items()}
    return value


def _shifted(array: Any) -> Any:
    largest = np.abs(array[np.isfinite(array)]).max(initial=0) or 1
    return array + (SHIFT * largest if array.dtype.kind == "f" else 0)
