"""Checks the hooks of a plugin's module before any is trusted."""

from __future__ import annotations

import difflib
import inspect

import pluggy

from spaner_core.contract import hookspecs
from spaner_core.contract.hookspecs import ENTRY_POINT_GROUP

REQUIRED_HOOKS = ("spaner_modality", "spaner_build_encoder", "spaner_build_transform")

# Only its reading of marks is used; nothing is ever registered here.
_MARKS = pluggy.PluginManager(ENTRY_POINT_GROUP)
KNOWN_HOOKS = tuple(
    name for name in dir(hookspecs) if _MARKS.parse_hookspec_opts(hookspecs, name) is not None
)


def implemented_hooks(module: object) -> frozenset[str]:
    """Names of the hooks that a plugin's module says it implements, known or not."""
    names = set()
    for name in dir(module):
        marked = _MARKS.parse_hookimpl_opts(module, name)
        if marked is not None:
            names.add(marked.get("specname") or name)
    return frozenset(names)


def contract_problems(module: object) -> list[str]:
    """Say what is wrong with a plugin's hooks: unknown, not marked, or missing."""
    implemented = implemented_hooks(module)
    problems = [_unknown(name) for name in sorted(implemented) if name not in KNOWN_HOOKS]
    unmarked = [
        name
        for name in KNOWN_HOOKS
        if name not in implemented and inspect.isroutine(getattr(module, name, None))
    ]
    problems += [f"{name} lacks @spaner_core.hookimpl" for name in unmarked]
    missing = [name for name in REQUIRED_HOOKS if name not in implemented and name not in unmarked]
    if missing:
        problems.append(f"required hooks are missing: {', '.join(missing)}")
    return problems


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, KNOWN_HOOKS, n=1)
    return f"unknown hook {name}" + (f" (did you mean {near[0]}?)" if near else "")
