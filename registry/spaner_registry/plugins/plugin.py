"""Wraps an installed plugin in an object whose methods are its hooks.

pluggy relays any hook to any plugin, untyped. Here each plugin has a manager of its own, each hook
an ordinary method, and what it answers is held against the contract before anything uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy
from spaner_core.contract.hookspecs import HEAD_BYTES
from spaner_core.contract.modality import (
    Aligner,
    Corruption,
    Encoder,
    Examples,
    FeatureSpec,
    Modality,
    Preview,
)
from spaner_core.contract.plugin_code import GuardedCorruption, GuardedTransform, PluginCode
from spaner_core.contract.transform import Sample, Transform
from spaner_core.errors import FailedInput, PluginError, SpanerError

from spaner_registry.plugins.answers import check_answer
from spaner_registry.plugins.discovery import FoundPlugin

if TYPE_CHECKING:
    from spaner_core.contract.modality import Reader
    from spaner_core.pretrained.freeze import FrozenEncoder
    from spaner_core.space.records import ReaderRecord

_ANY_DIM = 8


class Plugin:
    """One plugin: its hooks as methods, and the objects that they build, guarded.

    Whatever the plugin's code does wrong, in a hook or in an object that a hook built, becomes a
    `PluginError` that names plugin and distribution, or a `FailedInput` where it is about one
    input. A `SpanerError` that it raises about what the user gave passes as it is.
    """

    def __init__(self, found: FoundPlugin, manager: pluggy.PluginManager) -> None:
        self.found = found
        self.code = code_of(found)
        self._manager = manager

    @cached_property
    def modality(self) -> Modality:
        """What the plugin says of itself; imports nothing heavy."""
        modality: Modality = self._ask("spaner_modality")
        return modality

    def build_encoder(self, options: Mapping[str, object]) -> FrozenEncoder:
        """Build the encoder from `encoder:` options, frozen."""
        from spaner_core.pretrained.freeze import FrozenEncoder  # imports torch

        encoder: Encoder = self._ask("spaner_build_encoder", options=options)
        with self.code.running("freezing its encoder"):
            return FrozenEncoder(encoder, code=self.code)

    def build_transform(
        self, encoder: FrozenEncoder, options: Mapping[str, object]
    ) -> GuardedTransform:
        """Build what reads inputs for the plugin's own encoder, from the same options."""
        transform: Transform = self._ask(
            "spaner_build_transform", encoder=encoder.encoder, options=options
        )
        return GuardedTransform(transform, self.code)

    def build_aligner(
        self,
        features: FeatureSpec,
        prompt_dim: int,
        options: Mapping[str, object],
        *,
        reader: ReaderRecord | None = None,
    ) -> Aligner:
        """Build the trainable aligner, a `torch.nn.Module`, from `aligner:` options.

        `reader` is the one that a space recorded, in place of the one that suits the features.
        """
        from spaner_core.method.aligner import build_aligner  # imports torch

        if reader is not None:
            options = {**options, "reader": {"name": reader.name, **reader.options}}
        elif (own := self._own_aligner(features, prompt_dim, options)) is not None:
            aligner: Aligner = self.code.guard_module(own)
            return aligner
        return build_aligner(features, prompt_dim, options, own_reader=self.build_reader)

    def describe_reader(
        self, features: FeatureSpec, options: Mapping[str, object]
    ) -> ReaderRecord | None:
        """Say what `build_aligner` reads with; None where the whole aligner is the plugin's own."""
        from spaner_core.space.records import ReaderRecord
        from torch.random import fork_rng

        with fork_rng(devices=[]):  # an aligner draws its weights
            if self._own_aligner(features, _ANY_DIM, options) is not None:
                return None
            built: Any = self.build_aligner(features, _ANY_DIM, options)
        return ReaderRecord(name=built.reader.name, options=dict(built.reader.options))

    def _own_aligner(
        self, features: FeatureSpec, prompt_dim: int, options: Mapping[str, object]
    ) -> Aligner | None:
        aligner: Aligner | None = self._ask(
            "spaner_build_aligner", features=features, prompt_dim=prompt_dim, options=options
        )
        return aligner

    def build_reader(self, features: FeatureSpec, options: Mapping[str, object]) -> Reader | None:
        """Build a reader of the plugin's own; None where it leaves that to core."""
        own: Any = self._ask("spaner_build_reader", features=features, options=options)
        if own is None:
            return None
        reader: Reader = self.code.guard_reader(own)
        return reader

    def recognise(self, head: bytes, suffix: str | None) -> bool:
        """Say whether an input may be of this modality, by its first bytes or its suffix."""
        own: bool | None = self._ask("spaner_recognise", head=head[:HEAD_BYTES], suffix=suffix)
        return suffix in self.modality.suffixes if own is None else own

    def corruptions(self, options: Mapping[str, object]) -> tuple[Corruption, ...]:
        """Return the named noise; empty when the plugin offers none."""
        offered = self._ask("spaner_corruptions", options=options) or ()
        return tuple(GuardedCorruption(corruption, self.code) for corruption in offered)

    def preview(self, sample: Sample) -> Preview | None:
        """Show a sample to people; None when the plugin cannot.

        Raises `FailedInput` where it fails on the sample.
        """
        preview: Preview | None = self._ask("spaner_preview", kind=FailedInput, sample=sample)
        return preview

    def examples(self, folder: Path) -> Examples | None:
        """Return what to try the plugin on, files written to `folder`; None when it has none."""
        examples: Examples | None = self._ask("spaner_examples", folder=folder)
        return examples

    def _ask(self, hook: str, *, kind: type[SpanerError] = PluginError, **arguments: object) -> Any:
        with self.code.running(hook, kind=kind):
            answer = getattr(self._manager.hook, hook)(**arguments)
        check_answer(self.code, hook, answer)
        return answer


def code_of(found: FoundPlugin) -> PluginCode:
    """Say whose code an installed plugin's is."""
    return PluginCode(found.name, found.distribution, found.version)
