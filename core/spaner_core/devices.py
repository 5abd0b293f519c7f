"""Where encoders and aligners compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from spaner_core.errors import ConfigError


def pick_device(name: str) -> torch.device:
    """Return the device called `name`: auto (a GPU where there is one), cpu or cuda.

    Raises `ConfigError` where CUDA is asked for and absent.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda: no CUDA device is available; use auto or cpu")
    return torch.device(name)


def move(batch: Any, device: torch.device) -> Any:
    """Return a batch with every tensor in it on `device`, through mappings, lists and tuples."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {key: move(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(move(part, device) for part in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(move(part, device) for part in batch)
    return batch
