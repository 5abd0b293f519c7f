"""Images for SPANER. Heavy libraries are imported when an encoder or aligner is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spaner_core import Examples, Modality, hookimpl, read_options

if TYPE_CHECKING:
    from spaner_core import Aligner, Encoder, FeatureSpec, Transform


@hookimpl
def spaner_modality() -> Modality:
    """Describe the modality."""
    return Modality(
        name="vision",
        summary="images: PNG, JPEG, BMP, GIF, TIFF, WebP",
        suffixes=(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    )


@hookimpl
def spaner_build_encoder(options: Mapping[str, object]) -> Encoder:
    """Build the encoder that `options` name."""
    from spaner_vision.encoder import HogEncoder
    from spaner_vision.options import EncoderOptions

    return HogEncoder(read_options(EncoderOptions, options))


@hookimpl
def spaner_build_transform(options: Mapping[str, object]) -> Transform:
    """Build what reads and sizes images."""
    from spaner_vision.options import EncoderOptions
    from spaner_vision.transform import ImageTransform

    return ImageTransform(read_options(EncoderOptions, options))


@hookimpl
def spaner_build_aligner(
    features: FeatureSpec, prompt_dim: int, options: Mapping[str, object]
) -> Aligner:
    """Build the trainable aligner."""
    from spaner_vision.aligner import build_aligner

    return build_aligner(features, prompt_dim=prompt_dim, options=options)


@hookimpl
def spaner_examples(folder: Path) -> Examples:
    """Write what the conformance kit tries this plugin on."""
    from spaner_vision.examples import write_examples

    return write_examples(folder)
