"""Sound for SPANER. Heavy libraries are imported when an encoder or aligner is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaner_core import Examples, Modality, hookimpl

if TYPE_CHECKING:
    from spaner_core import Aligner, Corruption, Encoder, FeatureSpec, Transform


@hookimpl
def spaner_modality() -> Modality:
    """Describe the modality."""
    return Modality(
        name="audio",
        summary="recordings: WAV, FLAC, OGG, MP3, AIFF, AU",
        suffixes=(".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au"),
    )


@hookimpl
def spaner_build_encoder(options: Mapping[str, object]) -> Encoder:
    """Build the encoder that `options` name."""
    from spaner_audio.building import build_encoder

    return build_encoder(options)


@hookimpl
def spaner_build_transform(encoder: Any, options: Mapping[str, object]) -> Transform:
    """Build what reads recordings and prepares them as the encoder takes them."""
    from spaner_audio.building import build_transform

    return build_transform(encoder, options=options)


@hookimpl
def spaner_build_aligner(
    features: FeatureSpec, prompt_dim: int, options: Mapping[str, object]
) -> Aligner:
    """Build the trainable aligner."""
    from spaner_audio.aligner import build_aligner

    return build_aligner(features, prompt_dim=prompt_dim, options=options)


@hookimpl
def spaner_corruptions() -> tuple[Corruption, ...]:
    """Name what recordings can be tried with."""
    from spaner_audio.corruptions import CORRUPTIONS

    return CORRUPTIONS


@hookimpl
def spaner_examples(folder: Path) -> Examples:
    """Write what the conformance kit tries this plugin on."""
    from spaner_audio.examples import write_examples

    return write_examples(folder)
