"""Notices what code changes of the process, and undoes it."""

from __future__ import annotations

import builtins
import json
import logging
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.backends import cudnn

from spaner_core.conformance.comparing import contents

_RANDOM: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], Callable[[int], Any]]] = {
    "torch's random numbers": (torch.get_rng_state, torch.set_rng_state, torch.manual_seed),
    "numpy's random numbers": (np.random.get_state, np.random.set_state, np.random.seed),
    "Python's random numbers": (random.getstate, random.setstate, random.seed),
}
"""How each state is read, set and seeded."""

_SEED = 1_618_033
"""One that nobody sets: a plugin that seeds is noticed even where it has seeded before."""

_USED_BY_ALL: dict[str, Any] = {
    **{module.__name__: module for module in (builtins, json, logging, os, random, warnings, np)},
    **{module.__name__: module for module in (torch, torch.nn, torch.nn.functional)},
    "torch.nn.Module": torch.nn.Module,
    "torch.Tensor": torch.Tensor,
}
"""Modules and classes whose functions nobody may replace."""


class _Kind(NamedTuple):
    """Settings of a kind by name, and how one is set; of those that `grow` a new one counts."""

    read: Callable[[], Mapping[str, Any]]
    write: Callable[[str, Any], object]
    grow: bool = False


def _one(read: Callable[[], Any], write: Callable[[Any], object]) -> _Kind:
    return _Kind(lambda: {"": read()}, lambda _, value: write(value))


def _set_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _functions() -> dict[str, Any]:
    return {
        f"{place}.{name}": value
        for place, holder in _USED_BY_ALL.items()
        for name, value in vars(holder).items()
        if callable(value)
    }


def _set_function(name: str, value: Any) -> None:
    place, _, own = name.rpartition(".")
    setattr(_USED_BY_ALL[place], own, value)


def _handlers() -> dict[str, Any]:
    given = {number.name: signal.getsignal(number) for number in signal.Signals}
    return {name: handler for name, handler in given.items() if handler is not None}


def _levels() -> dict[str, int]:
    known = logging.root.manager.loggerDict.items()
    loggers = {name: found for name, found in known if isinstance(found, logging.Logger)}
    return {name: logger.level for name, logger in {"root": logging.root, **loggers}.items()}


def _set_logging(value: tuple[list[logging.Handler], int]) -> None:
    logging.root.handlers[:], logging.root.manager.disable = value


_KINDS: dict[str, _Kind] = {
    "torch's default dtype": _one(torch.get_default_dtype, torch.set_default_dtype),
    "whether torch computes gradients": _one(torch.is_grad_enabled, torch.set_grad_enabled),
    "torch's number of threads": _one(torch.get_num_threads, torch.set_num_threads),
    "torch's default device": _one(torch.get_default_device, torch.set_default_device),
    "the precision of torch's products": _one(
        torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
    ),
    "whether torch is deterministic": _one(
        torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms
    ),
    "the setting of cudnn": _Kind(
        lambda: {name: getattr(cudnn, name) for name in ("benchmark", "deterministic")},
        lambda name, value: setattr(cudnn, name, value),
    ),
    "the working directory": _one(Path.cwd, os.chdir),
    "sys.excepthook": _one(lambda: sys.excepthook, lambda value: setattr(sys, "excepthook", value)),
    "the handlers of logging": _one(
        lambda: ([*logging.root.handlers], logging.root.manager.disable), _set_logging
    ),
    "the level of the logger": _Kind(
        _levels, lambda name, value: logging.getLogger(name).setLevel(value)
    ),
    "the handler of": _Kind(
        _handlers, lambda name, value: signal.signal(signal.Signals[name], value)
    ),
    "the function": _Kind(_functions, _set_function),
    "the environment variable": _Kind(lambda: dict(os.environ), _set_variable, grow=True),
}


@dataclass(frozen=True)
class Settings:
    """Settings of the process by kind and name."""

    values: Mapping[str, Mapping[str, Any]]

    @classmethod
    def now(cls) -> Settings:
        """Read them."""
        return cls({kind: dict(_KINDS[kind].read()) for kind in _KINDS})

    def restore(self) -> None:
        """Set them, where they differ."""
        for kind, name in self._differing(Settings.now()):
            _KINDS[kind].write(name, self.values[kind].get(name))

    def changes(self, before: Settings) -> list[str]:
        """Name what differs from `before`."""
        return [f"{kind} {name}".strip() for kind, name in before._differing(self)]

    def _differing(self, now: Settings) -> list[tuple[str, str]]:
        found = []
        for kind, known in self.values.items():
            given = now.values[kind]
            names = known.keys() | given.keys() if _KINDS[kind].grow else known.keys()
            found += [(kind, name) for name in sorted(names) if given.get(name) != known.get(name)]
        return found


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


LIBRARIES = (
    *("CUBLAS", "CUDA", "HF", "JAX", "KMP", "MKL", "NUMBA", "OMP", "OPENBLAS", "PYTORCH", "TF"),
    *("TOKENIZERS", "TORCH", "TRANSFORMERS", "XLA"),
)
"""What environment variables begin with that libraries read once, when they are imported."""

_ALLOWED = tuple(f"the environment variable {library}_" for library in LIBRARIES)


def own_modules(reference: str, *, before: Collection[str]) -> list[str]:
    """Name the modules of the plugin's own package that were imported since `before`, in order."""
    package = reference.partition(":")[0].partition(".")[0]
    return [name for name in sys.modules if name not in before and _package(name) == package]


def taken_modules(own: Iterable[str]) -> list[str]:
    """Name the modules of others that modules called `own` took something from when imported."""
    taken: dict[str, None] = {}
    packages = {_package(name) for name in own}
    for name in own:
        for value in list(vars(sys.modules[name]).values()):
            place = value.__name__ if isinstance(value, ModuleType) else _home(value)
            if isinstance(place, str) and _package(place) not in packages:
                taken[place] = None
    return list(taken)


def changes_at_import(own: Iterable[str], *, taken: Iterable[str]) -> list[str]:
    """Import modules of others and then a plugin's own; name what its own change, and undo it."""
    for name in taken:
        with suppress(Exception):  # a name of no module, as some libraries make up
            import_module(name)
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)  # what the first process ignores, this one would too
    with watched(Settings.now()) as changed, warnings.catch_warnings():
        filters = list(warnings.filters)
        for name in own:
            import_module(name)
        if warnings.filters != filters:
            changed.append("which warnings are shown")
    return [what for what in changed if not what.startswith(_ALLOWED)]


def _package(name: str) -> str:
    return name.partition(".")[0]


def _home(value: object) -> object:
    """Name the module that says it made a value; some values answer anything, or raise."""
    try:
        return getattr(value, "__module__", None)
    except Exception:
        return None
