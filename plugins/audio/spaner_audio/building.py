"""Builds the encoder that options name, and its transform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spaner_audio.options import BundleOptions, LogMelOptions, read_encoder_options
from spaner_audio.preparation import window_size
from spaner_audio.transform import ClipTransform, WindowTransform

if TYPE_CHECKING:
    from spaner_core import Encoder

    from spaner_audio.spectrogram_models import SpectrogramEncoder
    from spaner_audio.waveform_models import WaveformEncoder


def build_encoder(options: Mapping[str, object]) -> Encoder:
    """Build the encoder that `options` name; the libraries it needs are imported here."""
    chosen = read_encoder_options(options)
    if isinstance(chosen, LogMelOptions):
        from spaner_audio.encoder import LogMelEncoder

        return LogMelEncoder(chosen)
    encoder: WaveformEncoder | SpectrogramEncoder
    if isinstance(chosen, BundleOptions):
        from spaner_audio.bundles import build_bundle_encoder

        encoder = build_bundle_encoder(chosen)
    else:
        from spaner_audio.transformers_encoders import build_transformers_encoder

        encoder = build_transformers_encoder(chosen)
    window_size(chosen, encoder.preparation)  # refuses what this model cannot take
    return encoder


def build_transform(
    encoder: Any, *, options: Mapping[str, object]
) -> ClipTransform | WindowTransform:
    """Build the transform for an encoder that `build_encoder` built from the same options."""
    chosen = read_encoder_options(options)
    if isinstance(chosen, LogMelOptions):
        return ClipTransform(chosen)
    preparation = encoder.preparation
    return WindowTransform(preparation, window_size(chosen, preparation))
