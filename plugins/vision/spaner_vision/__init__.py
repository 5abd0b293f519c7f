"""Adds images to SPANER."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spaner_core import Examples, Modality, hookimpl

if TYPE_CHECKING:
    from spaner_core import Corruption, Encoder, FeatureSpec, Preview, Reader, Sample, Transform


@hookimpl
def spaner_modality() -> Modality:
    """Describe the modality."""
    return Modality(
        name="vision",
        summary="images: PNG, JPEG, BMP, GIF, TIFF, WebP, AVIF, and pages of PDF",
        api_version=2,
        suffixes=(
            *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".avif", ".pdf"),
        ),
    )


@hookimpl
def spaner_build_encoder(options: Mapping[str, object]) -> Encoder:
    """Build the encoder that `options` name; timm is imported for its own models only."""
    from spaner_vision.options import HogOptions, read_encoder_options

    chosen = read_encoder_options(options)
    if isinstance(chosen, HogOptions):
        from spaner_vision.encoders.hog import HogEncoder

        return HogEncoder(chosen)
    from spaner_vision.encoders.timm_encoder import TimmEncoder

    return TimmEncoder(chosen)


@hookimpl
def spaner_build_transform(encoder: Encoder, options: Mapping[str, object]) -> Transform:
    """Build what reads pictures and prepares them for `encoder`."""
    from spaner_vision.options import HogOptions, read_encoder_options
    from spaner_vision.transform import hog_transform, timm_transform

    chosen = read_encoder_options(options)
    if isinstance(chosen, HogOptions):
        return hog_transform(chosen)
    data_config: Mapping[str, object] = vars(encoder)["data_config"]
    return timm_transform(data_config)


@hookimpl
def spaner_build_reader(features: FeatureSpec) -> Reader:
    """Build what reads the tokens of a picture, or of pages, in their places."""
    from spaner_vision.reader import build_reader

    return build_reader(features)


@hookimpl
def spaner_corruptions() -> Sequence[Corruption]:
    """Name what pictures can be disturbed by."""
    from spaner_vision.corruptions import CORRUPTIONS

    return CORRUPTIONS


@hookimpl
def spaner_recognise(head: bytes, suffix: str | None) -> bool:
    """Tell by an input's first bytes whether it may be read here."""
    from spaner_vision.recognition import is_picture

    return is_picture(head, suffix)


@hookimpl
def spaner_preview(sample: Sample) -> Preview:
    """Show a sample to people."""
    from spaner_vision.preview import preview

    return preview(sample)


@hookimpl
def spaner_examples(folder: Path) -> Examples:
    """Write what the conformance kit tries this plugin on."""
    from spaner_vision.examples import write_examples

    return write_examples(folder)
