"""Says what is kept of each family of spectrogram models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from spaner_core.pretrained.adapters import describe_adapters
from spaner_core.pretrained.transformers_models import describe_config
from torch import Tensor, nn

from spaner_audio.encoders.spectrogram_models import Layout, Tower

_WHISPER_SETTINGS = (
    *("type", "adapters", "d_model", "num_mel_bins", "max_source_positions"),
    *("activation_function", "scale_embedding"),
)
"""With `encoder_…`, all of a Whisper configuration that decides what its encoder gives."""


class MisfitError(Exception):
    """A model and its feature extractor were not made for each other; says what differs."""


def ast_tower(model: Any, extractor: Any) -> Tower:
    """Keep AST as it is: a class and a distillation token, then patches of its spectrogram."""
    config = model.config
    _check_fit("kind", type(extractor).__name__, "ASTFeatureExtractor")
    _check_fit("frames", extractor.max_length, config.max_length)
    _check_fit("mel bands", extractor.num_mel_bins, config.num_mel_bins)
    frame, hop = int(extractor.sampling_rate * 0.025), int(extractor.sampling_rate * 0.010)
    bands = (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1

    def read(module: nn.Module, values: Tensor) -> Layout:
        tokens = module(input_values=values).last_hidden_state
        # patches come band by band; a step of time is all bands of one moment
        patches = tokens[:, 2:].unflatten(1, (bands, -1)).transpose(1, 2)  # (B, S, K, E)
        return Layout(tokens[:, :2], patches)

    return Tower(
        module=model,
        settings=describe_config(model),
        read=read,
        dim=config.hidden_size,
        window_samples=(config.max_length - 1) * hop + frame,
        step_samples=config.time_stride * hop,
        prefix=2,
    )


def whisper_tower(model: Any, extractor: Any) -> Tower:
    """Keep Whisper's encoder: two frames of its spectrogram a token."""
    config = model.config
    _check_fit("kind", type(extractor).__name__, "WhisperFeatureExtractor")
    _check_fit("frames", extractor.nb_max_frames, 2 * config.max_source_positions)
    _check_fit("mel bands", extractor.feature_size, config.num_mel_bins)
    _check_fit("dither", extractor.dither, 0)  # it would be drawn anew at each reading
    described = describe_config(model).items()
    kept = {k: v for k, v in described if k in _WHISPER_SETTINGS or k.startswith("encoder_")}

    def read(module: nn.Module, values: Tensor) -> Layout:
        tokens = module(input_features=values).last_hidden_state
        return Layout(tokens[:, :0], tokens.unsqueeze(2))

    return Tower(
        module=model.get_encoder(),
        settings=kept,
        read=read,
        dim=config.d_model,
        window_samples=extractor.n_samples,
        step_samples=2 * extractor.hop_length,
    )


def clap_tower(model: Any, extractor: Any) -> Tower:
    """Keep CLAP's audio model, before its projection: a map of moments and pitches."""
    _check_fit("kind", type(extractor).__name__, "ClapFeatureExtractor")
    audio = model.audio_model
    encoder, config = audio.audio_encoder, audio.config
    _check_fit("mel bands", extractor.feature_size, config.num_mel_bins)
    _check_fit("fusion", extractor.truncation == "fusion", config.enable_fusion)
    steps = encoder.freq_ratio * encoder.input_resolutions[-1][1]

    def read(module: nn.Module, values: Tensor) -> Layout:
        # windows are never longer than the model's own: there is nothing to fuse
        longer = torch.zeros(len(values), 1, dtype=torch.bool, device=values.device)
        pitches = module(input_features=values, is_longer=longer).last_hidden_state  # (B, E, K, S)
        return Layout(
            pitches.new_zeros(len(values), 0, pitches.shape[1]), pitches.permute(0, 3, 2, 1)
        )

    return Tower(
        module=audio,
        settings={**describe_config(audio), **describe_adapters(model)},
        read=read,
        dim=encoder.num_features,
        window_samples=extractor.nb_max_samples,
        step_samples=extractor.nb_max_samples / steps,
    )


TOWERS: dict[str, Callable[[Any, Any], Tower]] = {
    "audio-spectrogram-transformer": ast_tower,
    "clap": clap_tower,
    "whisper": whisper_tower,
}
"""By the `model_type` of a model's configuration."""


def _check_fit(what: str, extracted: object, expected: object) -> None:
    if extracted != expected:
        raise MisfitError(f"{what}: {extracted}, where the model takes {expected}")
