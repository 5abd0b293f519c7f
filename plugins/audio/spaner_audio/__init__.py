"""Adds sound to SPANER."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaner_core import Examples, Modality, hookimpl

if TYPE_CHECKING:
    from spaner_core import Corruption, Encoder, FeatureSpec, Preview, Reader, Sample, Transform


@hookimpl
def spaner_modality() -> Modality:
    """Describe the modality."""
    return Modality(
        name="audio",
        summary="recordings: WAV, FLAC, OGG, MP3, AIFF, AU",
        api_version=2,
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
def spaner_build_reader(features: FeatureSpec, options: Mapping[str, object]) -> Reader:
    """Build what reads the tokens of a recording in their order."""
    from spaner_audio.reader import build_reader

    return build_reader(features, options)


@hookimpl
def spaner_corruptions() -> tuple[Corruption, ...]:
    """Name what recordings can be tried with."""
    from spaner_audio.corruptions import CORRUPTIONS

    return CORRUPTIONS


@hookimpl
def spaner_recognise(head: bytes, suffix: str | None) -> bool:
    """Tell by an input's first bytes whether it may be read here."""
    from spaner_audio.recognition import is_recording

    return is_recording(head, suffix)


@hookimpl
def spaner_preview(sample: Sample) -> Preview:
    """Show a sample to people."""
    from spaner_audio.preview import preview

    return preview(sample)


@hookimpl
def spaner_examples(folder: Path) -> Examples:
    """Write what the conformance kit tries this plugin on."""
    from spaner_audio.examples import write_examples

    return write_examples(folder)
