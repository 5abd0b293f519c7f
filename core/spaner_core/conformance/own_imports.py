"""What importing a plugin's own modules does to the process.

Libraries set things when they are imported, and may; a plugin may not. So in a fresh process what
the plugin's modules take from others is imported first, then these modules under watch.
"""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Collection, Iterable
from contextlib import suppress
from importlib import import_module
from types import ModuleType

from spaner_core.conformance.process_state import Settings, watched

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
