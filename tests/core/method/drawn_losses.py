"""Draws what the losses are tried on."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from spaner_core.contract.modality import Alignment
from spaner_core.method.prompt import SharedPrompt, random_anchors
from torch import Tensor
from torch.nn import functional

SEEDS = st.integers(0, 10**6)
MODALITIES = ("first", "second", "third")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def unit(seed: int, *shape: int) -> Tensor:
    return functional.normalize(torch.randn(*shape, generator=seeded(seed)), dim=-1)


def ids(seed: int, count: int, *, highest: int) -> Tensor:
    return torch.randint(-1, highest + 1, (count,), generator=seeded(seed))


def prompt_of(count: int, *, dim: int = 6, scale: float = 10.0) -> SharedPrompt:
    return SharedPrompt(random_anchors(count, dim=dim, generator=seeded(count)), scale=scale)


def dot(x: list[float], y: list[float]) -> float:
    return sum(i * j for i, j in zip(x, y, strict=True))


def drawn_alignment(seed: int, count: int) -> Alignment:
    return Alignment(unit(seed, count, 6), unit(seed + 1, count, 6), torch.zeros(count, 4))
