"""Loading one plugin: importing it, and holding it to the contract before it is trusted.

Each plugin gets a pluggy manager of its own. Nothing that one plugin's object does when it is
looked at, compared or called can then reach another's hooks, and a plugin that is refused leaves
nothing behind.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import pluggy
from spaner_core import hookspecs
from spaner_core.contract import contract_problems, implemented_hooks
from spaner_core.errors import PluginError, one_line
from spaner_core.hookspecs import ENTRY_POINT_GROUP
from spaner_core.modality import API_VERSION, Modality

from spaner_registry.answers import check_answer
from spaner_registry.broken import broken, contained
from spaner_registry.discovery import FoundPlugin


@dataclass(frozen=True)
class LoadedPlugin:
    """An imported plugin that keeps the contract, with the modality that it describes."""

    found: FoundPlugin
    manager: pluggy.PluginManager
    modality: Modality

    def ask(self, hook: str, **arguments: object) -> Any:
        """Call a hook; returns an answer that the contract allows, or raises `PluginError`."""
        return _ask(self.found, self.manager, hook, **arguments)


def load_plugin(plugin: FoundPlugin) -> LoadedPlugin:
    """Import a plugin and check it; raises `PluginError` saying what is wrong with it."""
    module = _import(plugin)
    manager = pluggy.PluginManager(ENTRY_POINT_GROUP)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, plugin.name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # pluggy's own complaint, or what the object's looks raise
        given = f"its hooks cannot be registered ({one_line(error)})"
        expected = "a module, its hooks with the arguments of spaner_core.hookspecs"
        raise broken(plugin, given, expected) from error
    return LoadedPlugin(plugin, manager, _admit(plugin, manager, module))


def _import(plugin: FoundPlugin) -> object:
    modules, before = sys.modules, dict(sys.modules)
    try:
        with redirect_stdout(sys.stderr):  # for what the program was asked alone
            module: object = plugin.entry_point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(
            f"plugin {plugin.name!r} of {plugin.origin} cannot be imported ({one_line(error)}); "
            f"expected {plugin.entry_point.value!r} to import; "
            f"reinstall {plugin.distribution} with what it needs, or remove it"
        ) from error
    finally:  # an import may add modules, but not take or replace what others have imported
        sys.modules = modules
        modules.update(before)
    return module


def _admit(plugin: FoundPlugin, manager: pluggy.PluginManager, module: object) -> Modality:
    """Hold a registered plugin to the contract."""
    # The version comes first: hooks of another version would all look misspelt or missing.
    modality = None
    with contained(plugin, "reading its hooks"):
        implemented = implemented_hooks(module)
    if "spaner_modality" in implemented:
        modality = _describe(plugin, manager)
    with contained(plugin, "reading its hooks"):
        problems = contract_problems(module)
    if problems or modality is None:
        raise broken(plugin, ", ".join(problems), "the hooks of spaner_core.hookspecs")
    return modality


def _describe(plugin: FoundPlugin, manager: pluggy.PluginManager) -> Modality:
    modality: Modality = _ask(plugin, manager, "spaner_modality")
    if modality.api_version != API_VERSION:
        given = f"it is built for version {modality.api_version!r} of the plugin contract"
        raise broken(plugin, given, f"version {API_VERSION}, which this SPANER speaks")
    if modality.name != plugin.name:
        given = f"spaner_modality says that its name is {modality.name!r}"
        raise broken(plugin, given, f"the name of its entry point, {plugin.name!r}")
    return modality


def _ask(plugin: FoundPlugin, manager: pluggy.PluginManager, hook: str, **arguments: object) -> Any:
    with contained(plugin, hook):
        answer = getattr(manager.hook, hook)(**arguments)
    check_answer(plugin, hook, answer)
    return answer
