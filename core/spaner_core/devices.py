"""Chooses the device to compute on, and one thread for small matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from spaner_core.errors import ConfigError


def pick_device(name: str | torch.device) -> torch.device:
    """Return the device called `name`: auto (a GPU where there is one), cpu, cuda or cuda:1.

    Raises `ConfigError` for any other, and where CUDA is asked for and absent.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device {str(name)!r} is not known; give auto, cpu or cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {str(name)!r}: no CUDA device is available; use auto or cpu")
    return device


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


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread inside the block.

    An aligner's matrices are so small that more threads gain nothing (12.2 s on one, 12.5 s on
    four for the same training), and on a machine that is busy with something else they wait for
    one another for minutes. One thread also makes the bytes independent of the number of cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
