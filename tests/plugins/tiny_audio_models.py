"""Tiny models of each family of audio encoders, saved as people save them, and sounds for them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    ASTFeatureExtractor,
    AutoConfig,
    AutoModel,
    ClapFeatureExtractor,
    Wav2Vec2FeatureExtractor,
    WhisperFeatureExtractor,
)

WIDTH = 16
RATE_HZ = 16_000


def sound(length_s: float, *, rate_hz: int = RATE_HZ, seed: int = 0) -> NDArray[np.float32]:
    """A rising tone in a little noise."""
    noise = np.random.RandomState(seed).normal(size=round(length_s * rate_hz))
    pitch_hz = np.linspace(200, 1500, len(noise))
    return (0.3 * np.sin(2 * np.pi * np.cumsum(pitch_hz) / rate_hz) + 0.01 * noise).astype(
        "float32"
    )


def wav2vec_like(kind: str, **changed: Any) -> tuple[Any, Any]:
    """A model of waveforms: 80 samples a token."""
    config = AutoConfig.for_model(
        kind,
        **{
            **{"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2},
            **{"intermediate_size": 32, "vocab_size": 8, "num_feat_extract_layers": 3},
            **{"conv_dim": (8, 8, 8), "conv_kernel": (10, 4, 4), "conv_stride": (5, 4, 4)},
            **{"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4},
            **changed,
        },
    )
    masks = getattr(config, "feat_extract_norm", "layer") == "layer"
    return config, Wav2Vec2FeatureExtractor(return_attention_mask=masks)


def ast() -> tuple[Any, Any]:
    """0.655 seconds: 3 bands by 12 moments of overlapping patches."""
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    patches = {"patch_size": 8, "frequency_stride": 4, "time_stride": 5}
    config = AutoConfig.for_model(
        "audio-spectrogram-transformer",
        **{"hidden_size": WIDTH, "num_mel_bins": 16, "max_length": 64, **layers, **patches},
    )
    return config, ASTFeatureExtractor(num_mel_bins=16, max_length=64)


def whisper() -> tuple[Any, Any]:
    """One second: 50 tokens."""
    sides = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in {"layers": 2, "attention_heads": 2, "ffn_dim": 32}.items()
    }
    tokens = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    config = AutoConfig.for_model(
        "whisper",
        **{"d_model": WIDTH, "num_mel_bins": 8, "max_source_positions": 50, **sides, **tokens},
        decoder_start_token_id=1,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    return config, WhisperFeatureExtractor(feature_size=8, chunk_length=1)


def clap(*, fused: bool) -> tuple[Any, Any]:
    """One second at 8 kHz: 4 pitches by 64 moments."""
    swin = {"depths": [1, 1], "num_attention_heads": [2, 2], "window_size": 4}
    patches = {"spec_size": 64, "patch_size": 2, "patch_stride": (2, 2), "num_mel_bins": 16}
    audio = {"patch_embeds_hidden_size": 8, "hidden_size": WIDTH, **swin, **patches}
    text = {"hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = AutoConfig.for_model(
        "clap",
        audio_config={**audio, "enable_fusion": fused},
        text_config={**text, "vocab_size": 32, "intermediate_size": 32},
        projection_dim=8,
    )
    extractor = ClapFeatureExtractor(
        **{"feature_size": 16, "sampling_rate": 8000, "hop_length": 40, "max_length_s": 1},
        **{"fft_window_size": 256, "frequency_max": 4000},
        truncation="fusion" if fused else "rand_trunc",
    )
    return config, extractor


FAMILIES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "wav2vec2": lambda: wav2vec_like("wav2vec2"),  # normalises over time: "group"
    "wav2vec2-layer": lambda: wav2vec_like(
        "wav2vec2", feat_extract_norm="layer", do_stable_layer_norm=True, add_adapter=True
    ),
    "hubert": lambda: wav2vec_like("hubert"),
    "wavlm": lambda: wav2vec_like("wavlm"),
    "data2vec": lambda: wav2vec_like("data2vec-audio", num_conv_pos_embeddings=2),
    "ast": ast,
    "whisper": whisper,
    "clap": lambda: clap(fused=False),
    "clap-fused": lambda: clap(fused=True),
}


def save(family: str, folder: Path) -> Path:
    """Save a tiny model with random weights and its feature extractor; return its folder."""
    config, extractor = FAMILIES[family]()
    path = folder / family
    draw(config).save_pretrained(path)
    extractor.save_pretrained(path)
    return path


def draw(config: Any) -> Any:
    """Make a model whose weights differ enough for every input to have its own features."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModel.from_config(config)
        for weight in model.parameters():
            weight.data += 0.1 * torch.randn_like(weight)
    return model


def save_lora(model: Path, folder: Path, *, alpha: int = 8) -> Path:
    """Save a LoRA adapter of layers all through the model, with weights that are not zero."""
    from peft import LoraConfig, PeftModel

    path = folder / f"{model.name}-lora-{alpha}"
    loaded = AutoModel.from_pretrained(model)
    linear = [n for n, part in loaded.named_modules() if isinstance(part, torch.nn.Linear)]
    feed_forward = [
        n for n in linear if n.endswith(("fc1", "intermediate_dense", "dense", "up_proj"))
    ]
    config = LoraConfig(r=2, lora_alpha=alpha, target_modules=feed_forward, init_lora_weights=False)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft and transformers disagree on a name
        torch.manual_seed(1)
        PeftModel(loaded, config).save_pretrained(path)
    return path
