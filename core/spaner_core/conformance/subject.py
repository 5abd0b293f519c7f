"""The plugin under examination, used as the product uses it.

Hooks are called through a plugin manager that holds this plugin alone, the encoder is frozen by
core, windows are joined by core. What several rules need is made once and kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy
import torch
from torch import Tensor

from spaner_core import hookspecs
from spaner_core.conformance.broken_rule import BrokenRule, one_line
from spaner_core.conformance.fitted import FittedAligner, fit_aligner
from spaner_core.conformance.process_state import Settings
from spaner_core.conformance.second_opinion import SecondOpinion, ask_second_process
from spaner_core.errors import PluginError
from spaner_core.features.extraction import extract
from spaner_core.features.rows import FeatureRows
from spaner_core.hookspecs import ENTRY_POINT_GROUP
from spaner_core.modality import Encoder, EncoderInput, Examples, FeatureSpec, Modality, Transform
from spaner_core.pretrained.freeze import FrozenEncoder

PROMPT_DIM = 16
"""D of the aligners that the rules build."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """An encoder, frozen by core, and the transform that was built for it."""

    encoder: FrozenEncoder
    transform: Transform

    @property
    def raw(self) -> Encoder:
        """The encoder as the plugin built it, beneath core's hands."""
        raw: Encoder = self.encoder.encoder
        return raw

    @property
    def fingerprints(self) -> tuple[str, str]:
        """Of the encoder and of the transform."""
        return self.encoder.fingerprint, self.transform.fingerprint

    def windows(self, inputs: Sequence[Path | str]) -> list[EncoderInput]:
        """Decode and prepare `inputs`: all their windows, one after the other."""
        return [
            window
            for source in inputs
            for window in self.transform.prepare(self.transform.decode(source))
        ]

    def encode_raw(self, inputs: Sequence[Path | str]) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, E) and mask (B, N) as the plugin itself gives them."""
        return self.raw(self.raw.collate(self.windows(inputs)))

    def features(self, inputs: Sequence[Path | str], *, batch_size: int = 64) -> FeatureRows:
        """Extract features as the product does, a row an input."""
        return extract(self.encoder, self.transform, inputs, batch_size=batch_size)


class Subject:
    """One plugin and the examples to try it on; `folder` is where examples are written.

    `settings` are those of the process before the plugin was imported.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        reference: str,
        plugin: object,
        settings: Settings,
        examples: Examples | None,
    ) -> None:
        self.name = name
        self.folder = folder
        self.reference = reference
        self.plugin = plugin
        self.settings = settings
        self._given_examples = examples

    @cached_property
    def hooks(self) -> pluggy.HookRelay:
        """The hooks, answered by this plugin alone."""
        manager = pluggy.PluginManager(ENTRY_POINT_GROUP)
        manager.add_hookspecs(hookspecs)
        manager.register(self.plugin, self.name)
        return manager.hook

    def ask(self, hook: str, **arguments: object) -> Any:
        """Call a hook; None where the plugin does not offer it."""
        return getattr(self.hooks, hook)(**arguments)

    def arguments(self, hook: str) -> tuple[str, ...]:
        """Names of the arguments that the plugin's own hook takes; none where it has no such."""
        taken = [own.argnames for own in getattr(self.hooks, hook).get_hookimpls()]
        return tuple(taken[0]) if taken else ()

    def require(self, hook: str, **arguments: object) -> Any:
        """Call a hook that has to answer; raises `BrokenRule` when it does not."""
        answer = self.ask(hook, **arguments)
        if answer is None:
            raise BrokenRule(
                f"{hook} gave None", "an answer, without which this rule cannot be tried", "add it"
            )
        return answer

    @cached_property
    def modality(self) -> Modality:
        """What the plugin says of itself."""
        modality: Modality = self.require("spaner_modality")
        return modality

    @cached_property
    def examples(self) -> Examples:
        """The examples given, or else the plugin's own."""
        if self._given_examples is not None:
            return self._given_examples
        examples: Examples = self.require("spaner_examples", folder=self.folder)
        return examples

    def build(self, **changed: object) -> Built:
        """Build encoder and transform anew, from the examples' options with `changed` in them."""
        options = {**self.examples.options, **changed}
        encoder = FrozenEncoder(self.require("spaner_build_encoder", options=options))
        return Built(encoder=encoder, transform=self.build_transform(encoder.encoder, options))

    def build_transform(self, encoder: Encoder, options: Mapping[str, object]) -> Transform:
        """Build a transform for the encoder that the plugin built."""
        transform: Transform = self.require(
            "spaner_build_transform", encoder=encoder, options=options
        )
        return transform

    def build_aligner(self, spec: FeatureSpec, **options: object) -> Any:
        """Build an aligner, drawn the same each time; leaves torch's random numbers alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self.require(
                "spaner_build_aligner", features=spec, prompt_dim=PROMPT_DIM, options=options
            )

    @cached_property
    def built(self) -> Built:
        """Encoder and transform of the examples' options."""
        return self.build()

    @cached_property
    def features(self) -> FeatureRows:
        """Features of the examples, all encoded together."""
        return self.built.features(self.examples.inputs)

    def fit(self) -> FittedAligner:
        """Build an aligner and fit its statistics to the examples."""
        spec = self.built.encoder.features
        return fit_aligner(self.build_aligner(spec), self.features, dim=PROMPT_DIM)

    @cached_property
    def fitted(self) -> FittedAligner:
        """A fitted aligner, which rules use and do not change."""
        return self.fit()

    @cached_property
    def second_opinion(self) -> SecondOpinion:
        """What a second process makes of the same examples and of the saved aligner."""
        return ask_second_process(self)


def open_subject(
    name: str, folder: Path, *, reference: str | None = None, examples: Examples | None = None
) -> Subject:
    """Import the plugin `name` for examination; its examples will be written to `folder`.

    `reference` is what its entry point says, "package" or "package:object"; where it is None, the
    entry point is looked up among what is installed. `examples` stand in for the plugin's own.
    Raises `PluginError` when it is not installed, declared twice or cannot be imported.
    """
    group = ENTRY_POINT_GROUP
    entry = _installed(name) if reference is None else EntryPoint(name, reference, group)
    settings = Settings.now()
    try:
        plugin = entry.load()
    except Exception as error:
        raise PluginError(
            f"plugin {name!r} cannot be imported ({one_line(error)}); expected {entry.value!r} to "
            "import; mend it, or install what it needs"
        ) from error
    return Subject(
        name,
        folder.resolve(),
        reference=entry.value,
        plugin=plugin,
        settings=settings,
        examples=examples,
    )


def _installed(name: str) -> EntryPoint:
    found = entry_points(group=ENTRY_POINT_GROUP)
    entries = [entry for entry in found if entry.name == name]
    if len(entries) != 1:
        raise PluginError(
            f"{len(entries) or 'no'} plugins named {name!r} are installed; expected one of: "
            f"{', '.join(sorted(found.names)) or 'none'}; give another name, or its reference"
        )
    return entries[0]
