"""Builds encoders from torchaudio's pipelines."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants
from safetensors.torch import load_file
from spaner_core import ConfigError, OptionError, fingerprint_model
from spaner_core.pretrained.locations import local_path
from torch import Tensor, nn
from torch.nn.functional import layer_norm
from torchaudio import models, pipelines

from spaner_audio.encoders.preparation import Preparation
from spaner_audio.encoders.waveform_models import WaveformEncoder
from spaner_audio.options import BUNDLE_PREFIX, BundleOptions

ENCODER_VERSION = 1
"""Raised whenever the same bundle would give other features."""

_ARCHITECTURES = {"Wav2Vec2": models.wav2vec2_model, "WavLM": models.wavlm_model}

_SPEECH_PART = "aux."
"""What turns tokens into letters; it is left out."""


def build_bundle_encoder(options: BundleOptions) -> WaveformEncoder:
    """Build a pipeline's model with its weights, from the checkpoint or downloaded.

    Raises `OptionError` where there is no such pipeline, `ConfigError` where its weights cannot be
    had or do not fit.
    """
    bundle = _find(options.model)
    # in public, torchaudio says what a bundle is made of only by downloading its weights
    settings: dict[str, Any] = {**bundle._params, "aux_num_out": None}
    weights = _load(options.model, bundle, checkpoint=options.checkpoint)
    with torch.random.fork_rng(devices=[]):
        model: nn.Module = _ARCHITECTURES[bundle._model_type](**settings).eval()
    kept = {key: value for key, value in weights.items() if not key.startswith(_SPEECH_PART)}
    try:
        model.load_state_dict(kept)
    except RuntimeError as error:
        raise ConfigError(
            f"the weights in {options.checkpoint or bundle._path} do not fit {options.model} "
            f"({_shorten(error)}); expected the state dict of that pipeline's model; name the "
            "pipeline it belongs to, or another file"
        ) from error
    return WaveformEncoder(
        model,
        read=_read,
        preparation=_preparation(bundle),
        dim=settings["encoder_embed_dim"],
        fingerprint=fingerprint_model(
            "audio/torchaudio",
            ENCODER_VERSION,
            model,
            settings={"type": bundle._model_type, **settings},
        ),
    )


def _find(model: str) -> Any:
    known = {
        name: bundle
        for name in pipelines.__all__
        if isinstance(bundle := getattr(pipelines, name), pipelines.Wav2Vec2Bundle)
    }
    name = model.removeprefix(BUNDLE_PREFIX)
    if name not in known:
        message = (
            f"model is {model!r}; expected one of torchaudio's pipelines of Wav2Vec2, HuBERT or "
            f"WavLM; choose from {', '.join(sorted(known))}"
        )
        raise OptionError([("model", message)])
    return known[name]


def _preparation(bundle: Any) -> Preparation:
    shortest = 1
    for _, kernel, stride in reversed(bundle._params["extractor_conv_layer_config"]):
        shortest = (shortest - 1) * stride + kernel
    normalised = bool(bundle._normalize_waveform)

    def values(samples: Tensor) -> Tensor:
        # torchaudio normalises a whole batch at once, which would mix its windows
        return layer_norm(samples, samples.shape) if normalised else samples

    return Preparation(
        rate_hz=int(bundle.sample_rate),
        shortest=shortest,
        longest=None,
        settings={"normalised": normalised},
        values=values,
    )


def _read(model: nn.Module, values: Tensor) -> Tensor:
    tokens: Tensor = model(values)[0]
    return tokens


def _load(model: str, bundle: Any, *, checkpoint: str | None) -> dict[str, Tensor]:
    """Read the weights: safetensors, or what torch saved, without running any code in it."""
    path = _cached(bundle) if checkpoint is None else local_path(checkpoint, what="checkpoint")
    try:
        if checkpoint is None:
            return _download(model, bundle)
        if path.suffix == ".safetensors":
            return load_file(path)
        return dict(
            torch.hub.load_state_dict_from_url(
                path.resolve().as_uri(),  # never fetched, for the file is there
                model_dir=str(path.parent),
                file_name=path.name,
                map_location="cpu",
                weights_only=True,
            )
        )
    except ConfigError:
        raise
    except Exception as error:  # what a damaged file makes them raise depends on its bytes
        raise ConfigError(
            f"{str(path)!r} holds no weights that can be read ({type(error).__name__}); expected a "
            "state dict of tensors alone, as safetensors or saved by torch; download or save it "
            "again"
        ) from error


def _download(model: str, bundle: Any) -> dict[str, Tensor]:
    try:
        if constants.is_offline_mode() and not _cached(bundle).is_file():
            raise OSError("HF_HUB_OFFLINE is set")
        with redirect_stdout(sys.stderr):  # torch says there what it downloads
            weights: dict[str, Tensor] = bundle._get_state_dict(
                {"map_location": "cpu", "weights_only": True}
            )
    except OSError as error:
        raise ConfigError(
            f"model {model!r} has no weights at {_cached(bundle)} and they cannot be downloaded "
            f"({_shorten(error)}); expected to fetch {bundle._path}; connect once, or name a file "
            "that holds them: checkpoint: ./weights.safetensors"
        ) from error
    return weights


def _cached(bundle: Any) -> Path:
    """Return where torch keeps a bundle's weights once they are downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(bundle._path).name


def _shorten(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
