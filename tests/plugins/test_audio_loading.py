"""What is read from a pretrained model's folder, what stands in fingerprints, what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from spaner_core import ConfigError, FeatureSpec, OptionError
from transformers import AutoConfig, Wav2Vec2FeatureExtractor, WhisperFeatureExtractor

from tests.plugins.tiny_audio_models import draw, save, save_lora


@pytest.fixture
def audio(load: Callable[[str], Any]) -> Any:
    return load("audio")


def fingerprints(audio: Any, model: Path, **options: object) -> tuple[str, str]:
    encoder, transform = audio.build({"model": str(model), **options})
    return encoder.fingerprint, transform.fingerprint


def edit(path: Path, **changed: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


@pytest.mark.parametrize(
    ("family", "kept", "dropped"),
    [("whisper", "encoder.", "decoder."), ("clap", "audio_model.", "text_model.")],
)
def test_only_the_part_that_hears_is_kept_and_fingerprinted(
    audio: Any, tmp_path: Path, family: str, kept: str, dropped: str
) -> None:
    model = save(family, tmp_path)
    weights = load_file(model / "model.safetensors")
    encoder, transform = audio.build({"model": str(model)})
    heard = sum(w.numel() for name, w in weights.items() if name.startswith(kept))
    assert sum(part.numel() for part in encoder.state_dict().values()) == heard

    def saved_with_more_at(place: str) -> tuple[str, str]:
        changed = {n: w + 1 if n.startswith(place) else w for n, w in weights.items()}
        save_file(changed, model / "model.safetensors", metadata={"format": "pt"})
        return fingerprints(audio, model)

    assert saved_with_more_at(dropped) == (encoder.fingerprint, transform.fingerprint)
    assert saved_with_more_at(kept)[0] != encoder.fingerprint


def test_whispers_settings_for_writing_are_not_fingerprinted(audio: Any, tmp_path: Path) -> None:
    model = save("whisper", tmp_path)
    before = fingerprints(audio, model)
    edit(model / "config.json", decoder_layerdrop=0.5, max_length=7, suppress_tokens=[3])
    assert fingerprints(audio, model) == before
    edit(model / "config.json", scale_embedding=True)
    assert fingerprints(audio, model)[0] != before[0]


def test_preprocessing_is_read_from_the_folder_and_stands_in_the_transforms_fingerprint(
    audio: Any, tmp_path: Path
) -> None:
    model = save("wav2vec2", tmp_path)
    encoder, transform = fingerprints(audio, model)
    edit(model / "preprocessor_config.json", do_normalize=False)
    changed_encoder, changed_transform = fingerprints(audio, model)
    assert changed_encoder == encoder
    assert changed_transform != transform
    edit(model / "preprocessor_config.json", do_normalize=True, sampling_rate=8000)
    built, _ = audio.build({"model": str(model)})
    assert built.encoder.preparation.rate_hz == 8000


def test_a_feature_extractor_within_a_processor_is_found(audio: Any, tmp_path: Path) -> None:
    model = save("wav2vec2", tmp_path)
    before = fingerprints(audio, model)
    extractor = json.loads((model / "preprocessor_config.json").read_text())
    (model / "preprocessor_config.json").unlink()
    processor = {"processor_class": "Wav2Vec2Processor", "feature_extractor": extractor}
    (model / "processor_config.json").write_text(json.dumps(processor))
    assert fingerprints(audio, model) == before


def test_windows_written_out_are_the_same_as_the_models_own(audio: Any, tmp_path: Path) -> None:
    model = save("whisper", tmp_path)
    own = fingerprints(audio, model)
    assert fingerprints(audio, model, window_s=1.0, hop_s=0.5) == own
    assert fingerprints(audio, model, window_s=0.9)[1] != own[1]


@pytest.mark.parametrize("family", ["wav2vec2", "whisper", "clap", "ast"])
def test_adapters_of_other_strength_have_other_fingerprints(
    audio: Any, tmp_path: Path, family: str
) -> None:
    model = save(family, tmp_path)
    weak, strong = (save_lora(model, tmp_path, alpha=alpha) for alpha in (4, 16))
    of_weak = load_file(weak / "adapter_model.safetensors")
    of_strong = load_file(strong / "adapter_model.safetensors")
    assert all(torch.equal(of_weak[name], of_strong[name]) for name in of_weak)
    seen = {fingerprints(audio, model, adapter=str(path))[0] for path in (weak, strong)}
    assert len(seen | {fingerprints(audio, model)[0]}) == 3


def test_an_adapter_of_another_model_is_refused(audio: Any, tmp_path: Path) -> None:
    adapter = save_lora(save("whisper", tmp_path), tmp_path)
    with pytest.raises(ConfigError, match="does not fit"):
        audio.build({"model": str(save("ast", tmp_path)), "adapter": str(adapter)})


@pytest.mark.parametrize(
    ("family", "options", "message"),
    [
        ("whisper", {"window_s": 1.5}, "window_s is 1.5; expected at most the model's own 1 "),
        ("whisper", {"window_s": 0.01}, "at least the model's shortest 0.025"),
        ("whisper", {"hop_s": 1.2}, "hop_s is 1.2; expected more than 0 and at most the window"),
        ("wav2vec2", {"window_s": 2, "hop_s": 3}, "at most the window's 2 seconds"),
        ("wav2vec2", {"window_s": float("nan")}, "window_s is nan"),
        ("wav2vec2", {"window_s": 1e9}, "at most 300"),
        ("wav2vec2", {"hop_s": 0}, "hop_s is 0"),
        ("wav2vec2", {"bands": 40}, "unknown key 'bands'"),
        ("wav2vec2", {"checkpoint": "./x.pt"}, "unknown key 'checkpoint'"),
        ("wav2vec2", {"trust_remote_code": "maybe"}, "trust_remote_code"),
    ],
)
def test_wrong_options_are_refused(
    audio: Any, tmp_path: Path, family: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        audio.build({"model": str(save(family, tmp_path)), **options})


def test_options_of_models_are_unknown_to_the_builtin(audio: Any) -> None:
    with pytest.raises(OptionError, match="unknown key 'window_s'"):
        audio.build({"window_s": 1.0})


@pytest.mark.parametrize(
    ("family", "changed", "message"),
    [
        ("whisper", {"feature_size": 16}, "mel bands: 16, where the model takes 8"),
        ("whisper", {"chunk_length": 2}, "frames: 200, where the model takes 100"),
        ("whisper", {"dither": 0.1}, "dither: 0.1, where the model takes 0"),
        ("ast", {"max_length": 128}, "frames: 128, where the model takes 64"),
        ("clap", {"truncation": "fusion"}, "fusion: True, where the model takes False"),
        ("clap", {"feature_extractor_type": "ASTFeatureExtractor"}, "kind: ASTFeatureExtractor"),
    ],
)
def test_a_feature_extractor_of_another_model_is_refused(
    audio: Any, tmp_path: Path, family: str, changed: dict[str, object], message: str
) -> None:
    model = save(family, tmp_path)
    edit(model / "preprocessor_config.json", **changed)
    with pytest.raises(ConfigError, match=message):
        audio.build({"model": str(model)})


def test_a_folder_without_a_feature_extractor_is_refused(audio: Any, tmp_path: Path) -> None:
    model = save("wav2vec2", tmp_path)
    (model / "preprocessor_config.json").unlink()
    with pytest.raises(ConfigError, match=r"preprocessor_config\.json"):
        audio.build({"model": str(model)})


@pytest.mark.parametrize("extractor", [Wav2Vec2FeatureExtractor(), WhisperFeatureExtractor()])
def test_a_model_that_does_not_hear_is_refused(audio: Any, tmp_path: Path, extractor: Any) -> None:
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = AutoConfig.for_model("bert", hidden_size=16, vocab_size=8, **layers)
    draw(config).save_pretrained(tmp_path / "bert")
    extractor.save_pretrained(tmp_path / "bert")
    with pytest.raises(ConfigError, match=r"is a BertModel with a W.*; expected AST, Whisper"):
        audio.build({"model": str(tmp_path / "bert")})


def test_a_name_on_the_hub_says_what_would_be_fetched(audio: Any) -> None:
    with pytest.raises(ConfigError, match=r"preprocessor_config\.json from the Hub"):
        audio.build({"model": "nobody/no-such-hubert"})


def test_dims_come_from_the_model(audio: Any, tmp_path: Path) -> None:
    encoder, _ = audio.build({"model": str(save("ast", tmp_path))})
    assert encoder.features == FeatureSpec(dim=16, prefix_tokens=2)
    adapted = shutil.copytree(save("wav2vec2-layer", tmp_path), tmp_path / "adapted")
    encoder, _ = audio.build({"model": str(adapted)})
    assert encoder.features == FeatureSpec(dim=16)
