"""Loads installed plugins by name, when first asked for, and checks them.

Each plugin gets a pluggy manager of its own. Nothing that one plugin's object does when it is
looked at, compared or called can then reach another's hooks, and a plugin that is refused leaves
nothing behind.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Collection
from contextlib import redirect_stdout

import pluggy
from spaner_core.contract import hookspecs
from spaner_core.contract.error_lines import with_place
from spaner_core.contract.hook_checks import contract_problems, implemented_hooks
from spaner_core.contract.hookspecs import ENTRY_POINT_GROUP
from spaner_core.contract.modality import API_VERSION
from spaner_core.errors import PluginError, SpanerError

from spaner_registry.plugins.discovery import FoundPlugin, discover
from spaner_registry.plugins.plugin import Plugin

WHAT_CHANGED = "docs/plugin-contract.md"
"""The page of the repository that says what changed from version to version."""


class Registry:
    """The installed plugins, loaded as they are asked for.

    `found` lists what is installed, from metadata; `allow` names the distributions that may be
    loaded (`policy.allow`), None meaning any. `origin` says of a modality, in a sentence, where a
    plugin that serves it is known to come from, for messages about one that is not installed.
    """

    def __init__(
        self,
        *,
        allow: Collection[str] | None = None,
        origin: Callable[[str], str | None] | None = None,
    ) -> None:
        self.found = discover(allow)
        self._origin = origin or (lambda name: None)
        self._loaded: dict[str, Plugin] = {}
        self._refused: dict[str, PluginError] = {}

    def load(self, name: str) -> Plugin:
        """Return the plugin `name`, imported and checked when it is first asked for.

        Raises `PluginError` when it is not installed, declared twice, refused, cannot be imported
        or does not keep the contract. Plugins loaded before are not affected by one that is
        refused.
        """
        if name in self._refused:  # what fails to import may take long to do so
            raise self._refused[name]
        if name not in self._loaded:
            try:
                self._loaded[name] = load_plugin(self._pick(name))
            except PluginError as error:
                self._refused[name] = error
                raise
        return self._loaded[name]

    def _pick(self, name: str) -> FoundPlugin:
        plugin = self.found.get(name)
        if plugin is None:
            near = difflib.get_close_matches(name, self.found, n=1)
            # Never an install command made of what was typed: anyone may own that name.
            advice = f"did you mean {near[0]!r}?" if near else "install the one you mean"
            advice = self._origin(name) or advice
            raise PluginError(
                f"no plugin {name!r} is installed; "
                f"installed: {', '.join(self.found) or 'none'}; {advice}"
            )
        if plugin.problem is not None:
            raise PluginError(f"plugin {name!r}: {plugin.problem}")
        return plugin


def load_plugin(found: FoundPlugin) -> Plugin:
    """Import a plugin and check it; raises `PluginError` saying what is wrong with it."""
    module = _import(found)
    manager = pluggy.PluginManager(ENTRY_POINT_GROUP)
    manager.add_hookspecs(hookspecs)
    plugin = Plugin(found, manager)
    try:
        manager.register(module, found.name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # pluggy's own complaint, or what the object's looks raise
        given = f"its hooks cannot be registered ({with_place(error)})"
        expected = "a module, its hooks with the arguments of spaner_core.contract.hookspecs"
        raise plugin.code.broken(given, expected) from error
    _admit(plugin, module)
    return plugin


def _import(plugin: FoundPlugin) -> object:
    modules, before = sys.modules, dict(sys.modules)
    try:
        with redirect_stdout(sys.stderr):  # for what the program was asked alone
            module: object = plugin.entry_point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(
            f"plugin {plugin.name!r} of {plugin.origin} cannot be imported ({with_place(error)}); "
            f"expected {plugin.entry_point.value!r} to import; "
            f"reinstall {plugin.distribution} with what it needs, or remove it"
        ) from error
    finally:  # an import may add modules, but not take or replace what others have imported
        sys.modules = modules
        modules.update(before)
    return module


def _admit(plugin: Plugin, module: object) -> None:
    """Hold a registered plugin to the contract."""
    # The version comes first: hooks of another version would all look misspelt or missing.
    with plugin.code.running("reading its hooks"):
        implemented = implemented_hooks(module)
    if "spaner_modality" in implemented:
        _check_description(plugin)
    with plugin.code.running("reading its hooks"):
        problems = contract_problems(module)
    if problems:
        raise plugin.code.broken(", ".join(problems), "the hooks of spaner_core.contract.hookspecs")


def _check_description(plugin: Plugin) -> None:
    try:
        modality = plugin.modality
    except PluginError as error:
        if isinstance(error.__cause__, TypeError) and "'api_version'" in str(error.__cause__):
            raise _of_another_version(plugin, 1) from error  # the version that had a default
        raise
    if modality.api_version != API_VERSION:
        raise _of_another_version(plugin, modality.api_version)
    if modality.name != plugin.found.name:
        given = f"spaner_modality says that its name is {modality.name!r}"
        expected = f"the name of its entry point, {plugin.found.name!r}"
        raise plugin.code.broken(given, expected)


def _of_another_version(plugin: Plugin, version: object) -> SpanerError:
    return plugin.code.broken(
        f"it is built for version {version!r} of the plugin contract",
        f"version {API_VERSION}, which this SPANER speaks ({WHAT_CHANGED} says what changed)",
    )
