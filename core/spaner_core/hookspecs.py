"""The hooks of a modality plugin, entry-point group `spaner`.

A plugin is a module whose functions carry `@spaner_core.hookimpl`; its entry point's name is the
modality's name and the key users write in plugins.yaml. `options` is that modality's mapping from
plugins.yaml (`encoder:` or `aligner:`); read it with `spaner_core.read_options`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pluggy

from spaner_core.modality import (
    Aligner,
    Corruption,
    Encoder,
    Examples,
    FeatureSpec,
    Modality,
    Preview,
    Sample,
    Transform,
)

ENTRY_POINT_GROUP = "spaner"
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
def spaner_build_aligner(
    features: FeatureSpec, prompt_dim: int, options: Mapping[str, object]
) -> Aligner | None:
    """Required: build the trainable aligner from `aligner:` options, for features of this shape.

    Usually `CrossAttentionAligner` around a reader that keeps the modality's structure.
    """


@hookspec(firstresult=True)
def spaner_corruptions(options: Mapping[str, object]) -> Sequence[Corruption] | None:
    """Optional: named noise of this modality, severities 1 to 5."""


@hookspec(firstresult=True)
def spaner_preview(sample: Sample) -> Preview | None:
    """Optional: show a sample to people."""


@hookspec(firstresult=True)
def spaner_examples(folder: Path) -> Examples | None:
    """Optional: what the conformance kit tries the plugin on; files are written to `folder`."""
