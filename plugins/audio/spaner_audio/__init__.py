"""Adds sound to SPANER."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaner_core import Examples, Modality, hookimpl

if TYPE_CHECKING:
    from spaner_core import Corruption, Encoder, FeatureSpec, Preview, Reader, Sample, Transform

    from spaner_audio.encoders.spectrogram_models import SpectrogramEncoder
    from spaner_audio.encoders.waveform_models import WaveformEncoder


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
    from spaner_audio.options import BundleOptions, LogMelOptions, read_encoder_options

    chosen = read_encoder_options(options)
    if isinstance(chosen, LogMelOptions):
        from spaner_audio.encoders.logmel import LogMelEncoder

        return LogMelEncoder(chosen)
    from spaner_audio.encoders.preparation import window_size

    encoder: WaveformEncoder | SpectrogramEncoder
    if isinstance(chosen, BundleOptions):
        from spaner_audio.encoders.torchaudio_bundles import build_bundle_encoder

        encoder = build_bundle_encoder(chosen)
    else:
        from spaner_audio.encoders.transformers_encoder import build_transformers_encoder

        encoder = build_transformers_encoder(chosen)
    window_size(chosen, encoder.preparation)  # refuses what this model cannot take
    return encoder


@hookimpl
def spaner_build_transform(encoder: Any, options: Mapping[str, object]) -> Transform:
    """Build what reads recordings and prepares them as the encoder takes them."""
    from spaner_audio.encoders.preparation import window_size
    from spaner_audio.options import LogMelOptions, read_encoder_options
    from spaner_audio.transform import ClipTransform, WindowTransform

    chosen = read_encoder_options(options)
    if isinstance(chosen, LogMelOptions):
        return ClipTransform(chosen)
    preparation = encoder.preparation
    return WindowTransform(preparation, window_size(chosen, preparation))


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
