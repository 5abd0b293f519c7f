"""Uses the plugin under examination as the product uses it.

Hooks are called through a plugin manager that holds this plugin alone, the encoder is frozen by
core, windows are joined by core. What several rules need is made once and kept; where that fails,
the first rule that needs it tells why.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import Any

import pluggy
import torch

from spaner_core.conformance.ask_second_process import SecondOpinion, ask_second_process
from spaner_core.conformance.built_encoder import Built
from spaner_core.conformance.fitted_aligner import (
    FittedAligner,
    Reading,
    check_shapes,
    fit_aligner,
    fit_reader,
)
from spaner_core.conformance.noted_transform import NotedTransform, name_of
from spaner_core.conformance.process_state import Settings
from spaner_core.conformance.verdict import BrokenRule, left_to_others, told_once
from spaner_core.contract import hookspecs
from spaner_core.contract.error_lines import with_place
from spaner_core.contract.hookspecs import ENTRY_POINT_GROUP
from spaner_core.contract.modality import Encoder, Examples, FeatureSpec, Modality
from spaner_core.contract.transform import EncoderInput, Sample, Transform
from spaner_core.errors import PluginError, UnusableInput
from spaner_core.features.rows import FeatureRows
from spaner_core.method.aligner import build_aligner
from spaner_core.pretrained.freeze import FrozenEncoder

PROMPT_DIM = 16
"""D of the aligners that the rules build."""


class Subject:
    """One plugin and the examples to try it on; `folder` is where examples are written.

    `settings` are those of the process before the plugin was imported, `modules` the names of what
    was imported already.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        reference: str,
        plugin: object,
        settings: Settings,
        modules: frozenset[str],
        examples: Examples | None,
    ) -> None:
        self.name = name
        self.folder = folder
        self.reference = reference
        self.plugin = plugin
        self.settings = settings
        self.modules = modules
        self.failed: set[str] = set()
        self._given_examples = examples

    @told_once("hooks that are the contract's")
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
                f"{hook} gave None",
                "an answer, without which no rule that needs it can be tried",
                "add it",
            )
        return answer

    @told_once("a description")
    def modality(self) -> Modality:
        """What the plugin says of itself."""
        given = self.require("spaner_modality")
        if not isinstance(given, Modality):
            raise BrokenRule(
                f"spaner_modality gives a {type(given).__name__}",
                "a spaner_core.Modality",
                "return one",
            )
        return given

    @told_once("examples")
    def examples(self) -> Examples:
        """The examples given, or else the plugin's own."""
        if self._given_examples is not None:
            return self._given_examples
        given = self.require("spaner_examples", folder=self.folder)
        if not isinstance(given, Examples):
            raise BrokenRule(
                f"spaner_examples gives a {type(given).__name__}",
                "a spaner_core.Examples",
                "return one",
            )
        for source in given.inputs:
            if isinstance(source, Path) and source.is_dir():
                raise BrokenRule(
                    f"the example {source.name} is a folder",
                    "inputs that are files, whose bytes tell whether one has changed",
                    "let an input be one file: an archive holds several",
                )
        return given

    def build(self, **changed: object) -> Built:
        """Build encoder and transform anew, from the examples' options with `changed` in them."""
        _ = self.built  # if nothing can be built, that is told once
        return self._build(**changed)

    def _build(self, **changed: object) -> Built:
        options = {**self.examples.options, **changed}
        encoder = FrozenEncoder(self.require("spaner_build_encoder", options=options))
        return Built(encoder=encoder, transform=self.build_transform(encoder.encoder, options))

    def build_transform(self, encoder: Encoder, options: Mapping[str, object]) -> Transform:
        """Build a transform for the encoder that the plugin built."""
        return NotedTransform(
            self.require("spaner_build_transform", encoder=encoder, options=options)
        )

    def build_aligner(self, spec: FeatureSpec, **options: object) -> Any:
        """Build an aligner, drawn the same each time; leaves torch's random numbers alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            own = self.ask(
                "spaner_build_aligner", features=spec, prompt_dim=PROMPT_DIM, options=options
            )
            if own is not None:
                return own
            return build_aligner(spec, PROMPT_DIM, options, own_reader=self._build_reader)

    def _build_reader(self, features: FeatureSpec, options: Mapping[str, object]) -> Any:
        return self.ask("spaner_build_reader", features=features, options=options)

    @told_once("an encoder with its transform")
    def built(self) -> Built:
        """Encoder and transform of the examples' options."""
        return self._build()

    @told_once("examples that can be read")
    def windows(self) -> list[EncoderInput]:
        """All windows of the examples, one after the other."""
        windows: list[EncoderInput] = []
        for source in self.examples.inputs:
            try:
                windows += self.built.windows([source])
            except (Exception, SystemExit) as error:
                refused = isinstance(error, UnusableInput)
                how = f"is refused ({error})" if refused else f"raises {with_place(error)}"
                given, advice = f"the example {name_of(source)} {how}", "mend it, decode or prepare"
                raise BrokenRule(given, "examples that can be used", advice) from error
        return windows

    def samples(self) -> Iterator[Sample]:
        """Decode the examples anew."""
        _ = self.windows  # if they cannot be read, that is told once
        for source in self.examples.inputs:
            yield self.built.transform.decode(source)

    @told_once("features of the examples")
    def features(self) -> FeatureRows:
        """Features of the examples, all encoded together."""
        _ = self.windows
        return self.built.finite_features(self.examples.inputs)

    def fit(self, *batches: FeatureRows) -> FittedAligner:
        """Build an aligner and fit its statistics, by default to the examples in one batch."""
        _ = self.fitted  # if nothing can be fitted, that is told once
        return self._fit(batches or (self.features,))

    def _fit(self, batches: Sequence[FeatureRows]) -> FittedAligner:
        spec = self.built.encoder.features
        return fit_aligner(self.build_aligner(spec), batches, spec=spec, dim=PROMPT_DIM)

    @told_once("a fitted aligner")
    def fitted(self) -> FittedAligner:
        """An aligner fitted to the examples, which rules use and do not change."""
        _ = self.reading  # if nothing can be read, that is told once
        fitted = self._fit([self.features])
        check_shapes(fitted, fitted.align())
        return fitted

    @told_once("a reader that reads")
    def reading(self) -> Reading | None:
        """The plugin's own reader, fitted to the examples, and what it gives; None without one."""
        reader = self._build_reader(self.built.encoder.features, {})
        return None if reader is None else fit_reader(reader, self.features)

    @told_once("the answer of a second process")
    def second_opinion(self) -> SecondOpinion:
        """What a second process makes of the same examples and of the saved aligner."""
        fitted = None
        with left_to_others(self):  # the rules about aligners
            fitted = self.fitted
        _ = self.features  # by now all is imported that ever is
        return ask_second_process(
            self.name, self.examples, reference=self.reference, modules=self.modules, fitted=fitted
        )


def open_subject(
    name: str, folder: Path, *, reference: str | None = None, examples: Examples | None = None
) -> Subject:
    """Import the plugin `name` for examination; its examples will be written to `folder`.

    `reference` is what its entry point says, "package" or "package:object"; where it is None, the
    entry point is looked up among what is installed. `examples` stand in for the plugin's own.
    Raises `PluginError` when it is not installed, declared twice or cannot be imported.
    """
    entry = EntryPoint(name, reference, ENTRY_POINT_GROUP) if reference else _installed(name)
    settings, modules = Settings.now(), frozenset(sys.modules)
    try:
        plugin = entry.load()
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"plugin {name!r} cannot be imported ({with_place(error)}); expected {entry.value!r} "
            "to import; mend it, or install what it needs"
        ) from error
    return Subject(
        name,
        folder.resolve(),
        reference=entry.value,
        plugin=plugin,
        settings=settings,
        modules=modules,
        examples=examples,
    )


def _installed(name: str) -> EntryPoint:
    # not importlib.metadata.entry_points: a leftover record without any hides the installed one
    declared = (found.entry_points.select(group=ENTRY_POINT_GROUP) for found in distributions())
    known = dict.fromkeys(entry for entries in declared for entry in entries)
    entries = [entry for entry in known if entry.name == name]
    if len(entries) != 1:
        names = ", ".join(sorted({entry.name for entry in known})) or "none"
        raise PluginError(
            f"{len(entries) or 'no'} plugins named {name!r} are installed; expected one of: "
            f"{names}; give another name, or its reference"
        )
    return entries[0]
