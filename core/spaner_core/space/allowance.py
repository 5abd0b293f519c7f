"""Bounds what building an aligner from a record may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from spaner_core.errors import SpaceError

ALWAYS_BYTES = 2**29
"""What any aligner may take besides its weights, while it is built."""

_MAKERS: frozenset[Callable[..., Tensor]] = frozenset(
    {
        *(torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn),
        *(torch.randint, torch.randperm, torch.eye, torch.arange, torch.linspace, torch.logspace),
        *(Tensor.new_empty, Tensor.new_zeros, Tensor.new_ones, Tensor.new_full),
    }
)


class Allowance(TorchFunctionMode):
    """Refuses new tensors beyond a bound, before any of their memory is taken.

    An aligner is built by a plugin from numbers that a stranger's config.json may hold. What is
    built will be given the weights that are stored, so it needs about as much as they do:
    `stored_bytes`. Within the block every call is made as it is. Raises `SpaceError` with `said`,
    which ends with what to do.
    """

    def __init__(self, *, stored_bytes: int, said: str) -> None:
        super().__init__()
        self._left_bytes = ALWAYS_BYTES + 2 * stored_bytes
        self._said = said

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Count what a call would make, then make it."""
        given = dict(kwargs or {})
        if func in _MAKERS:
            self._left_bytes -= _size_bytes(func, args, given)
            if self._left_bytes < 0:
                raise SpaceError(self._said)
        return func(*args, **given)


def _size_bytes(func: Callable[..., Tensor], args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Return the bytes that a call would take, 0 where it will fail by itself."""
    plain = {key: v for key, v in kwargs.items() if key not in ("generator", "pin_memory", "out")}
    try:
        planned = func(*args, **{**plain, "device": "meta"})  # a shape without memory
    except (RuntimeError, TypeError, ValueError):
        return 0
    return planned.numel() * planned.element_size()
