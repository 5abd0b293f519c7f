"""Tiny time-series models of transformers, saved as their own classes save them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

CHANNELS = ("x", "y", "z")
CONTEXT = 16
_PATCHES: dict[str, Any] = {
    "num_input_channels": 3,
    "context_length": CONTEXT,
    "patch_length": 4,
    "patch_stride": 4,
    "d_model": 8,
}


_UNIVARIATE: dict[str, Any] = {
    "patch_length": 4,
    "context_length": CONTEXT,
    "num_hidden_layers": 1,
    "hidden_size": 8,
    "intermediate_size": 8,
    "head_dim": 4,
    "num_attention_heads": 2,
}


_LAGGED: dict[str, Any] = {
    "prediction_length": 2,
    "context_length": CONTEXT - 4,
    "lags_sequence": [1, 4],
    "input_size": 3,
    "d_model": 8,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_ffn_dim": 8,
    "decoder_ffn_dim": 8,
}


_PATCHTST = {**_PATCHES, "num_hidden_layers": 1, "num_attention_heads": 2, "ffn_dim": 8}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "PatchTST": ("PatchTST", _PATCHTST),
    "PatchTSMixer": ("PatchTSMixer", {**_PATCHES, "num_layers": 1}),
    "TimesFm": ("TimesFm", _UNIVARIATE),
    "TimesFm2_5": ("TimesFm2_5", {**_UNIVARIATE, "num_key_value_heads": 2}),
    "TimeSeriesTransformer": ("TimeSeriesTransformer", _LAGGED),
    "Informer": ("Informer", {**_LAGGED, "encoder_layers": 2}),
    "Autoformer": ("Autoformer", _LAGGED),
}


def save_model(
    folder: Path, family: str, *, seed: int = 0, kind: str = "Model", **changed: object
) -> Path:
    """Save a tiny model of random weights, drawn from `seed`, as its own class saves it."""
    name, settings = FAMILIES[family]
    config = getattr(transformers, f"{name}Config")(**{**settings, **changed})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        getattr(transformers, f"{name}{kind}")(config).save_pretrained(folder)
    return folder


def swings(steps: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    time = np.arange(steps)[:, None]
    return np.sin(time * np.array([0.3, 0.7, 1.9]) + steps).astype(np.float32)


def options_of(model: Path, **changed: object) -> dict[str, object]:
    return {"model": str(model), "channels": CHANNELS, "sample_rate_hz": 8.0, **changed}
