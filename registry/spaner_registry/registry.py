"""The installed plugins behind typed methods, loaded by name, when first asked for.

Every method speaks to exactly one plugin. What a plugin does wrong becomes a `PluginError` that
names plugin, distribution and hook, so that a traceback is never all a user has.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spaner_core.errors import PluginError
from spaner_core.modality import (
    Aligner,
    Corruption,
    Encoder,
    Examples,
    FeatureSpec,
    Modality,
    Preview,
)
from spaner_core.transform import Sample, Transform

from spaner_registry.broken import contained
from spaner_registry.discovery import FoundPlugin, discover
from spaner_registry.loading import LoadedPlugin, load_plugin

if TYPE_CHECKING:
    from spaner_core.pretrained.freeze import FrozenEncoder


class Registry:
    """The installed plugins, loaded as they are asked for.

    `found` lists what is installed, from metadata; `allow` names the distributions that may be
    loaded (`policy.allow`), None meaning any. `origin` says of a modality, in a sentence, where a
    plugin that serves it is known to come from, for messages about one that is not installed.

    Every method but `loaded` raises `PluginError` when the plugin is not installed, declared
    twice, refused, cannot be imported, does not keep the contract, or fails; and lets a
    `SpanerError` through that a hook raises about what the user gave.
    """

    def __init__(
        self,
        *,
        allow: Collection[str] | None = None,
        origin: Callable[[str], str | None] | None = None,
    ) -> None:
        self.found = discover(allow)
        self._origin = origin or (lambda name: None)
        self._loaded: dict[str, LoadedPlugin] = {}
        self._refused: dict[str, PluginError] = {}

    @property
    def loaded(self) -> dict[str, FoundPlugin]:
        """The plugins loaded so far, each with its distribution and version."""
        return {name: plugin.found for name, plugin in self._loaded.items()}

    def load(self, name: str) -> FoundPlugin:
        """Import and check the plugin `name`; does nothing when it is loaded already.

        Plugins loaded before are not affected by one that is refused.
        """
        return self._load(name).found

    def distribution(self, name: str) -> tuple[str, str]:
        """Return the name and the version of the distribution that a plugin comes from."""
        plugin = self.load(name)
        return plugin.distribution, plugin.version

    def modality(self, name: str) -> Modality:
        """Describe a modality; imports nothing heavy."""
        return self._load(name).modality

    def build_encoder(self, name: str, options: Mapping[str, object]) -> FrozenEncoder:
        """Build a modality's encoder from its `encoder:` options, frozen."""
        from spaner_core.pretrained.freeze import FrozenEncoder  # imports torch

        plugin = self._load(name)
        encoder: Encoder = plugin.ask("spaner_build_encoder", options=options)
        with contained(plugin.found, "freezing its encoder"):
            return FrozenEncoder(encoder)

    def build_transform(
        self, name: str, encoder: Encoder, options: Mapping[str, object]
    ) -> Transform:
        """Build what reads inputs for `encoder`, from the same `encoder:` options.

        The plugin gets the encoder that it built: a frozen one is unwrapped first.
        """
        from spaner_core.pretrained.freeze import FrozenEncoder  # imports torch

        own = encoder.encoder if isinstance(encoder, FrozenEncoder) else encoder
        transform: Transform = self._load(name).ask(
            "spaner_build_transform", encoder=own, options=options
        )
        return transform

    def build_aligner(
        self, name: str, features: FeatureSpec, prompt_dim: int, options: Mapping[str, object]
    ) -> Aligner:
        """Build a modality's trainable aligner, a `torch.nn.Module`, from `aligner:` options."""
        from spaner_core.aligner import build_aligner  # imports torch

        plugin = self._load(name)
        aligner: Aligner | None = plugin.ask(
            "spaner_build_aligner", features=features, prompt_dim=prompt_dim, options=options
        )
        if aligner is not None:
            return aligner
        return build_aligner(
            features,
            prompt_dim,
            options,
            own_reader=lambda features, options: plugin.ask(
                "spaner_build_reader", features=features, options=options
            ),
        )

    def corruptions(self, name: str, options: Mapping[str, object]) -> tuple[Corruption, ...]:
        """Return a modality's named noise; empty when the plugin offers none."""
        return tuple(self._load(name).ask("spaner_corruptions", options=options) or ())

    def preview(self, name: str, sample: Sample) -> Preview | None:
        """Show a sample to people; None when the plugin cannot."""
        preview: Preview | None = self._load(name).ask("spaner_preview", sample=sample)
        return preview

    def examples(self, name: str, folder: Path) -> Examples | None:
        """Return what to try the plugin on, files written to `folder`; None when it has none."""
        examples: Examples | None = self._load(name).ask("spaner_examples", folder=folder)
        return examples

    def _load(self, name: str) -> LoadedPlugin:
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
