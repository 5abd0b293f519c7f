"""torchaudio's pipelines, with weights that lie in a file or cannot be had."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
import torchaudio
from safetensors.torch import save_file
from spaner_core import ConfigError, OptionError
from spaner_core.conformance.comparing import TOLERANCE

from tests.plugins.tiny_audio_models import sound

BUNDLE = "torchaudio:WAV2VEC2_ASR_BASE_960H"


@pytest.fixture
def audio(load: Callable[[str], Any]) -> Any:
    return load("audio")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torch keeps what it downloads: nothing is there."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


class RunsCode:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("was-run",)


def test_a_pipelines_weights_are_read_from_safetensors_and_from_torchs_files(
    audio: Any, tmp_path: Path
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        bundle = torchaudio.pipelines.WAV2VEC2_ASR_BASE_960H
        model = torchaudio.models.wav2vec2_model(**bundle._params).half().float().eval()
    weights = {name: weight.half() for name, weight in model.state_dict().items()}
    save_file(weights, tmp_path / "weights.safetensors")
    torch.save(weights, tmp_path / "weights.pth")
    lengths_s = (0.3, 0.5)
    sounds = [torch.from_numpy(sound(length_s)) for length_s in lengths_s]
    for number, wave in enumerate(sounds):
        soundfile.write(tmp_path / f"{number}.wav", wave.numpy(), 16_000, subtype="FLOAT")
    recordings = [tmp_path / f"{number}.wav" for number in range(2)]
    options = {"model": BUNDLE, "checkpoint": str(tmp_path / "weights.safetensors")}
    tokens = audio.tokens(recordings, options)
    with torch.inference_mode():
        for own, wave in zip(tokens, sounds, strict=True):
            expected = model.encoder(*model.feature_extractor(wave[None], None))[0]
            largest = float(expected.abs().max())
            torch.testing.assert_close(own, expected, rtol=0, atol=TOLERANCE * largest)
    by_safetensors, _ = audio.build(options)
    by_torch, _ = audio.build({**options, "checkpoint": str(tmp_path / "weights.pth")})
    assert by_torch.fingerprint == by_safetensors.fingerprint
    with pytest.raises(ConfigError, match="do not fit torchaudio:WAVLM_BASE"):
        audio.build({**options, "model": "torchaudio:WAVLM_BASE"})


def test_weights_that_would_be_downloaded_are_named(audio: Any, home: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        audio.build({"model": BUNDLE})
    said = str(refused.value)
    assert str(home / "torch/hub/checkpoints/wav2vec2_fairseq_base_ls960_asr_ls960.pth") in said
    assert "HF_HUB_OFFLINE is set" in said
    assert "checkpoint: ./weights.safetensors" in said


def test_what_torch_keeps_from_before_is_read_without_running_code(
    audio: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    kept = home / "torch/hub/checkpoints/wav2vec2_fairseq_base_ls960_asr_ls960.pth"
    kept.parent.mkdir(parents=True)
    torch.save({"aux.weight": RunsCode()}, kept)
    with pytest.raises(ConfigError, match="holds no weights that can be read"):
        audio.build({"model": BUNDLE})
    assert not (home / "was-run").exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_checkpoint_that_is_none_is_refused(audio: Any, tmp_path: Path, name: str) -> None:
    options = {"model": BUNDLE, "checkpoint": str(tmp_path / name)}
    with pytest.raises(ConfigError, match="there is no such folder or file"):
        audio.build(options)
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(ConfigError, match="holds no weights that can be read"):
        audio.build(options)
    torch.save(torch.zeros(3), tmp_path / name)
    with pytest.raises(ConfigError, match="holds no weights that can be read"):
        audio.build(options)


def test_a_checkpoint_with_code_in_it_is_refused_and_not_run(
    audio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": RunsCode()}, tmp_path / "evil.pth")
    with pytest.raises(ConfigError, match="state dict of tensors alone"):
        audio.build({"model": BUNDLE, "checkpoint": str(tmp_path / "evil.pth")})
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "torchaudio:WAV2VEC3"}, "choose from HUBERT_ASR_LARGE"),
        ({"model": "torchaudio:HDEMUCS_HIGH_MUSDB"}, "pipelines of Wav2Vec2, HuBERT or WavLM"),
        ({"model": BUNDLE, "adapter": "./lora"}, "unknown key 'adapter'"),
    ],
)
def test_wrong_options_are_refused(audio: Any, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        audio.build(options)
