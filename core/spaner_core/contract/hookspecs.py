"""Specifies the hooks of a modality plugin, entry-point group `spaner`.

A plugin is a module whose functions carry `@spaner_core.hookimpl`; its entry point's name is the
modality's name and the key users write in plugins.yaml. `options` is that modality's mapping from
plugins.yaml (`encoder:` or `aligner:`); read it with `spaner_core.read_options`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from spaner_core.contract.modality import (
    Aligner,
    Corruption,
    Encoder,
    Examples,
    FeatureSpec,
    Modality,
    Preview,
)
from spaner_core.contract.transform import Sample, Transform

if TYPE_CHECKING:
    from spaner_core.contract.modality import Reader

ENTRY_POINT_GROUP = "spaner"
HEAD_BYTES = 4096
hookspec = pluggy.HookspecMarker("spaner")
hookimpl = pluggy.HookimplMarker("spaner")


@hookspec(firstresult=True)
def spaner_modality() -> Modality | None:
    """Required, cheap: describe the modality without importing anything heavy."""


@hookspec(firstresult=True)
def spaner_build_encoder(options: Mapping[str, object]) -> Encoder | None:
    """Required: build the encoder from `encoder:` options. Core freezes it and proves it."""


@hookspec(firstresult=True)
def spaner_build_transform(encoder: Encoder, options: Mapping[str, object]) -> Transform | None:
    """Required: build what reads inputs for `encoder`, from the same `encoder:` options."""


@hookspec(firstresult=True)
def spaner_build_reader(features: FeatureSpec, options: Mapping[str, object]) -> Reader | None:
    """Optional: build what keeps the modality's structure; by default the mean of the tokens.

    `options` is `reader:` in the `aligner:` options, with its `name`. Empty, it asks for the reader
    that suits `features`; a space asks for the one it recorded.
    """


@hookspec(firstresult=True)
def spaner_build_aligner(
    features: FeatureSpec, prompt_dim: int, options: Mapping[str, object]
) -> Aligner | None:
    """Optional: build an aligner of one's own; by default `CrossAttentionAligner` with the reader.

    It is built from the `aligner:` options alone, for features of this shape.
    """


@hookspec(firstresult=True)
def spaner_recognise(head: bytes, suffix: str | None) -> bool | None:
    """Optional, light: say whether an input that nobody has named may be of this modality.

    `head` is its first `HEAD_BYTES`, or all of it; `suffix` is lower case with the dot, None where
    there is none. Imports nothing heavy. By default an input is recognised by its suffix.
    """


@hookspec(firstresult=True)
def spaner_corruptions(options: Mapping[str, object]) -> Sequence[Corruption] | None:
    """Optional: named noise of this modality, severities 1 to 5."""


@hookspec(firstresult=True)
def spaner_preview(sample: Sample) -> Preview | None:
    """Optional: show a sample to people, as text (we escape it), as a PNG, or as both."""


@hookspec(firstresult=True)
def spaner_examples(folder: Path) -> Examples | None:
    """Optional: what the conformance kit tries the plugin on; files are written to `folder`."""
