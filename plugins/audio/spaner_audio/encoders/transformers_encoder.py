"""Builds an encoder from a model of the transformers library."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from spaner_core import ConfigError, fingerprint_model
from spaner_core.pretrained.transformers_models import (
    describe_config,
    load_auto,
    load_transformers_model,
)
from torch import Tensor, nn

from spaner_audio.encoders.families import TOWERS, MisfitError
from spaner_audio.encoders.preparation import Preparation
from spaner_audio.encoders.spectrogram_models import SpectrogramEncoder
from spaner_audio.encoders.waveform_models import WaveformEncoder
from spaner_audio.options import TransformersOptions

ENCODER_VERSION = 1
"""Raised whenever the same model would give other features."""

SHORTEST_S = 0.025
"""Shortest recording for models that pad to a fixed length: one frame of a spectrogram."""

_VOLATILE = ("processor_class", "_processor_class", "name_or_path", "return_attention_mask")
"""Keys of a feature extractor's configuration that change nothing of what is taken from it."""


def build_transformers_encoder(
    options: TransformersOptions,
) -> WaveformEncoder | SpectrogramEncoder:
    """Load the model and its feature extractor; keep the audio part.

    Raises `ConfigError` where one of them cannot be loaded, where they do not fit each other, or
    where the model is none that hears.
    """
    from transformers import AutoFeatureExtractor

    extractor = load_auto(
        AutoFeatureExtractor,
        options.model,
        files="preprocessor_config.json",
        trust_remote_code=options.trust_remote_code,
    )
    model: Any = load_transformers_model(
        options.model, adapter=options.adapter, trust_remote_code=options.trust_remote_code
    )
    if options.adapter is not None:
        model = model.get_base_model()  # which has the adapter's layers in it
    try:
        if model.config.model_type in TOWERS:
            return _spectrogram_encoder(model, extractor)
        if _hears_waveforms(model, extractor):
            return _waveform_encoder(model, extractor)
    except MisfitError as error:
        raise ConfigError(
            f"model {options.model!r}: its preprocessor_config.json does not fit it ({error}); "
            "expected the feature extractor that it was trained with; copy that into the folder"
        ) from error
    raise ConfigError(
        f"model {options.model!r} is a {type(model).__name__} with a {type(extractor).__name__}; "
        "expected AST, Whisper, CLAP, or a model of waveforms such as Wav2Vec2, HuBERT or WavLM; "
        "choose one of these"
    )


def _hears_waveforms(model: Any, extractor: Any) -> bool:
    from transformers import Wav2Vec2FeatureExtractor

    return (
        isinstance(extractor, Wav2Vec2FeatureExtractor)
        and hasattr(model, "_get_feat_extract_output_lengths")
        and not model.config.is_encoder_decoder
    )


def _waveform_encoder(model: Any, extractor: Any) -> WaveformEncoder:
    config = model.config
    adapted = getattr(config, "add_adapter", False)  # transformers' own, not peft's
    fewest = getattr(config, "squeeze_factor", 1)  # SEW joins as many before attention
    tokens = model._get_feat_extract_output_lengths(torch.arange(1, extractor.sampling_rate))
    return WaveformEncoder(
        model,
        read=_last_hidden_state,
        preparation=Preparation(
            rate_hz=extractor.sampling_rate,
            shortest=int((tokens >= fewest).int().argmax()) + 1,
            longest=None,
            settings=_describe(extractor),
            values=partial(_extract, extractor),
        ),
        dim=config.output_hidden_size if adapted else config.hidden_size,
        fingerprint=fingerprint_model(
            "audio/waveforms", ENCODER_VERSION, model, settings=describe_config(model)
        ),
    )


def _last_hidden_state(model: nn.Module, values: Tensor) -> Tensor:
    with kept_random_state():
        tokens: Tensor = model(values).last_hidden_state
    return tokens


def _spectrogram_encoder(model: Any, extractor: Any) -> SpectrogramEncoder:
    tower = TOWERS[model.config.model_type](model, extractor)
    return SpectrogramEncoder(
        tower,
        preparation=Preparation(
            rate_hz=extractor.sampling_rate,
            shortest=math.ceil(SHORTEST_S * extractor.sampling_rate),
            longest=tower.window_samples,
            settings=_describe(extractor),
            values=partial(_extract, extractor),
        ),
        fingerprint=fingerprint_model(
            "audio/spectrograms", ENCODER_VERSION, tower.module, settings=tower.settings
        ),
    )


def _describe(extractor: Any) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(extractor.to_json_string())
    return {key: value for key, value in settings.items() if key not in _VOLATILE}


def _extract(extractor: Any, samples: Tensor) -> Tensor:
    """Return what a feature extractor makes of one window (T,)."""
    with kept_random_state():
        extracted = extractor(
            samples.numpy(), sampling_rate=extractor.sampling_rate, return_tensors="pt"
        )
    values: Tensor = extracted[extractor.model_input_names[0]][0].float()
    return values


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Leave numpy's random numbers as they are, whatever the block draws and throws away.

    CLAP's feature extractor draws which of a batch to call long, Wav2Vec2's adapter whether to
    skip a layer, were it in training.
    """
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)
