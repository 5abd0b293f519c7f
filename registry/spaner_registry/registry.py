"""One plugin manager behind typed methods: plugins are loaded by name, when first asked for.

Every method speaks to exactly one plugin. What a plugin does wrong becomes a `PluginError` that
names plugin, distribution and hook, so that a traceback is never all a user has.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import pluggy
from spaner_core import hookspecs
from spaner_core.contract import contract_problems, implemented_hooks
from spaner_core.errors import PluginError, SpanerError
from spaner_core.hookspecs import ENTRY_POINT_GROUP
from spaner_core.modality import (
    API_VERSION,
    Aligner,
    Corruption,
    Encoder,
    FeatureSpec,
    Modality,
    Preview,
    Sample,
    Transform,
)

from spaner_registry.broken import broken, one_line
from spaner_registry.discovery import FoundPlugin, discover

if TYPE_CHECKING:
    from spaner_core.pretrained.freeze import FrozenEncoder


class Registry:
    """The installed plugins, loaded as they are asked for.

    `found` lists what is installed, from metadata; `allow` names the distributions that may be
    loaded (`policy.allow`), None meaning any.
    """

    def __init__(self, *, allow: Collection[str] | None = None) -> None:
        self.found = discover(allow)
        self._manager = pluggy.PluginManager(ENTRY_POINT_GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._modalities: dict[str, Modality] = {}

    @property
    def loaded(self) -> dict[str, FoundPlugin]:
        """The plugins loaded so far, each with its distribution and version."""
        return {name: self.found[name] for name in self._modalities}

    def load(self, name: str) -> FoundPlugin:
        """Import and check the plugin `name`; does nothing when it is loaded already.

        Raises `PluginError` when it is not installed, declared twice, refused, cannot be
        imported, or does not keep the contract. Plugins loaded before are not affected.
        """
        plugin = self._pick(name)
        if name not in self._modalities:
            module = _import(plugin)
            try:
                self._modalities[name] = self._admit(plugin, module)
            finally:
                if name not in self._modalities and self._manager.has_plugin(name):
                    self._manager.unregister(name=name)
        return plugin

    def distribution(self, name: str) -> tuple[str, str]:
        """Return the name and the version of the distribution that a plugin comes from."""
        plugin = self.load(name)
        return plugin.distribution, plugin.version

    def modality(self, name: str) -> Modality:
        """Describe a modality; imports nothing heavy."""
        self.load(name)
        return self._modalities[name]

    def build_encoder(self, name: str, options: Mapping[str, object]) -> FrozenEncoder:
        """Build a modality's encoder from its `encoder:` options, frozen."""
        from spaner_core.pretrained.freeze import FrozenEncoder  # imports torch

        return FrozenEncoder(self._require(name, "spaner_build_encoder", options=options))

    def build_transform(
        self, name: str, encoder: Encoder, options: Mapping[str, object]
    ) -> Transform:
        """Build what reads inputs for `encoder`, from the same `encoder:` options.

        The plugin gets the encoder that it built: a frozen one is unwrapped first.
        """
        from spaner_core.pretrained.freeze import FrozenEncoder  # imports torch

        own = encoder.encoder if isinstance(encoder, FrozenEncoder) else encoder
        transform: Transform = self._require(
            name, "spaner_build_transform", encoder=own, options=options
        )
        return transform

    def build_aligner(
        self, name: str, features: FeatureSpec, prompt_dim: int, options: Mapping[str, object]
    ) -> Aligner:
        """Build a modality's trainable aligner from its `aligner:` options."""
        aligner: Aligner = self._require(
            name,
            "spaner_build_aligner",
            features=features,
            prompt_dim=prompt_dim,
            options=options,
        )
        return aligner

    def corruptions(self, name: str, options: Mapping[str, object]) -> tuple[Corruption, ...]:
        """Return a modality's named noise; empty when the plugin offers none."""
        return tuple(self._call(name, "spaner_corruptions", options=options) or ())

    def preview(self, name: str, sample: Sample) -> Preview | None:
        """Show a sample to people; None when the plugin cannot."""
        preview: Preview | None = self._call(name, "spaner_preview", sample=sample)
        return preview

    def _pick(self, name: str) -> FoundPlugin:
        plugin = self.found.get(name)
        if plugin is None:
            near = difflib.get_close_matches(name, self.found, n=1)
            # Never an install command made of what was typed: anyone may own that name.
            advice = f"did you mean {near[0]!r}?" if near else "install the one you mean"
            raise PluginError(
                f"no plugin {name!r} is installed; "
                f"installed: {', '.join(self.found) or 'none'}; {advice}"
            )
        if plugin.problem is not None:
            raise PluginError(f"plugin {name!r}: {plugin.problem}")
        return plugin

    def _admit(self, plugin: FoundPlugin, module: object) -> Modality:
        """Register an imported plugin and hold it to the contract."""
        try:
            self._manager.register(module, plugin.name)
        except (pluggy.PluginValidationError, ValueError) as error:
            given = f"its hooks cannot be registered ({one_line(error)})"
            expected = "a module of its own, its hooks with the arguments of spaner_core.hookspecs"
            raise broken(plugin, given, expected) from error
        # The version comes first: hooks of another version would all look misspelt or missing.
        modality = None
        if "spaner_modality" in implemented_hooks(module):
            modality = self._describe(plugin)
        problems = contract_problems(module)
        if problems or modality is None:
            raise broken(plugin, ", ".join(problems), "the hooks of spaner_core.hookspecs")
        if modality.name != plugin.name:
            given = f"spaner_modality says that its name is {modality.name!r}"
            raise broken(plugin, given, f"the name of its entry point, {plugin.name!r}")
        return modality

    def _describe(self, plugin: FoundPlugin) -> Modality:
        modality = self._ask(plugin, "spaner_modality")
        if not isinstance(modality, Modality):
            given = f"spaner_modality returned {type(modality).__name__}"
            raise broken(plugin, given, "a spaner_core.Modality")
        if modality.api_version != API_VERSION:
            given = f"it is built for version {modality.api_version} of the plugin contract"
            raise broken(plugin, given, f"version {API_VERSION}, which this SPANER speaks")
        return modality

    def _require(self, name: str, hook: str, **arguments: object) -> Any:
        """Call a hook that has to answer."""
        answer = self._call(name, hook, **arguments)
        if answer is None:
            expected = f"an answer, as {hook} is required"
            raise broken(self.found[name], f"{hook} returned None", expected)
        return answer

    def _call(self, name: str, hook: str, **arguments: object) -> Any:
        return self._ask(self.load(name), hook, **arguments)

    def _ask(self, plugin: FoundPlugin, hook: str, **arguments: object) -> Any:
        """Call one hook of one registered plugin; a plain call would reach all of them."""
        own = self._manager.get_plugin(plugin.name)
        others = [other for other in self._manager.get_plugins() if other is not own]
        try:
            return self._manager.subset_hook_caller(hook, others)(**arguments)
        except SpanerError:
            raise  # said on purpose, about what the user gave
        except Exception as error:
            raise broken(plugin, f"{hook} failed ({one_line(error)})", "no error") from error


def _import(plugin: FoundPlugin) -> object:
    try:
        module: object = plugin.entry_point.load()
    except Exception as error:
        raise PluginError(
            f"plugin {plugin.name!r} of {plugin.origin} cannot be imported ({one_line(error)}); "
            f"expected {plugin.entry_point.value!r} to import; "
            f"reinstall {plugin.distribution} with what it needs, or remove it"
        ) from error
    return module
