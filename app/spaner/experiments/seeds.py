"""Derives seeds from a seed and names, so that draws stay independent."""

from __future__ import annotations

import hashlib
import json

import torch

SEEDS = 2**32


def derive_seed(seed: int, *names: object) -> int:
    """Return a seed from 0 to 2³² - 1 of its own for what `names` name."""
    named = json.dumps([seed, *map(str, names)])
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:4], "big")


def drawing(seed: int, *names: object) -> torch.Generator:
    """Return what to draw with for what `names` name."""
    return torch.Generator().manual_seed(derive_seed(seed, *names))


def following_seeds(first: int, count: int) -> tuple[int, ...]:
    """Return `count` seeds, `first` and those behind it."""
    return tuple((first + place) % SEEDS for place in range(count))
