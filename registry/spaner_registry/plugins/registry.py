"""Loads installed plugins by name, when first asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection

from spaner_core.errors import PluginError

from spaner_registry.plugins.discovery import FoundPlugin, discover
from spaner_registry.plugins.loading import load_plugin
from spaner_registry.plugins.plugin import Plugin


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
