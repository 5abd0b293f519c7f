"""What belongs to the whole process and must survive the use of a plugin."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spaner_core.conformance.contents import contents

_RANDOM: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], Callable[[int], Any]]] = {
    "torch's random numbers": (torch.get_rng_state, torch.set_rng_state, torch.manual_seed),
    "numpy's random numbers": (np.random.get_state, np.random.set_state, np.random.seed),
    "Python's random numbers": (random.getstate, random.setstate, random.seed),
}
"""How each state is read, set and seeded."""

_SEED = 1_618_033
"""One that nobody sets: a plugin that seeds is noticed even where it has seeded before."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of torch and of the process."""

    dtype: torch.dtype
    gradients: bool
    threads: int
    folder: Path
    environment: dict[str, str]

    @classmethod
    def now(cls) -> Settings:
        """Read them."""
        return cls(
            dtype=torch.get_default_dtype(),
            gradients=torch.is_grad_enabled(),
            threads=torch.get_num_threads(),
            folder=Path.cwd(),
            environment=dict(os.environ),
        )

    def restore(self) -> None:
        """Set them."""
        torch.set_default_dtype(self.dtype)
        torch.set_grad_enabled(self.gradients)
        torch.set_num_threads(self.threads)
        os.chdir(self.folder)
        for name in os.environ.keys() - self.environment.keys():
            del os.environ[name]
        os.environ.update(self.environment)

    def changes(self, before: Settings) -> list[str]:
        """Name what differs from `before`."""
        named = {
            "torch's default dtype": self.dtype != before.dtype,
            "whether torch computes gradients": self.gradients != before.gradients,
            "torch's number of threads": self.threads != before.threads,
            "the working directory": self.folder != before.folder,
        }
        variables = dict(self.environment.items() ^ before.environment.items())
        return [name for name, differs in named.items() if differs] + [
            f"the environment variable {name}" for name in sorted(variables)
        ]


@contextmanager
def watched(settings: Settings) -> Iterator[list[str]]:
    """Run a block from `settings`; afterwards the list names what it changed, which is undone.

    `settings` are older than anything the plugin did, so that what it set before is noticed when
    it is set again.
    """
    outside = Settings.now()
    drawn = {name: read() for name, (read, _, _) in _RANDOM.items()}
    settings.restore()
    for _, _, seed in _RANDOM.values():
        seed(_SEED)
    before = {name: contents(read()) for name, (read, _, _) in _RANDOM.items()}
    changed: list[str] = []
    try:
        yield changed
        changed += Settings.now().changes(settings)
        changed += [
            name for name, (read, _, _) in _RANDOM.items() if contents(read()) != before[name]
        ]
    finally:
        outside.restore()
        for name, (_, write, _) in _RANDOM.items():
            write(drawn[name])
