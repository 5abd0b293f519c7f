"""Every family of pretrained audio encoders: what it gives, and the conformance kit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from spaner_core import Examples, UnusableInput
from spaner_core.conformance import RULES, Rule, Subject, open_subject
from torch import Tensor
from transformers import AutoFeatureExtractor, AutoModel

from tests.plugins.tiny_audio_models import FAMILIES, RATE_HZ, save, save_lora, sound

LENGTHS_S = {"short.wav": 0.2, "middle.flac": 0.5, "long.wav": 2.6}
"""Recordings shorter than the models' windows, and longer than most."""

ALONE = [
    rule
    for rule in RULES
    if "second_process" not in rule.__name__ and rule.__name__ != "check_light_import"
]
"""The rules that start no process; the others are tried on one family."""

UNTRAINED = ("check_severities",)
"""Rules that random weights need not keep: to them, more noise is not farther away."""

CASES = [
    (family, rule)
    for family in FAMILIES
    for rule in (RULES if family == "whisper" else ALONE)
    if rule.__name__ not in UNTRAINED
]


def write_recordings(folder: Path) -> list[Path]:
    for number, (name, length_s) in enumerate(LENGTHS_S.items()):
        soundfile.write(folder / name, sound(length_s, seed=number), RATE_HZ, subtype="PCM_16")
    return [folder / name for name in LENGTHS_S]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Save a family's tiny model, once."""
    folder = tmp_path_factory.mktemp("models")

    def saved(family: str) -> Path:
        path = folder / family
        return path if path.exists() else save(family, folder)

    return saved


@pytest.fixture
def audio(load: Callable[[str], Any]) -> Any:
    return load("audio")


@pytest.fixture(scope="module")
def subjects(
    models: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Subject]:
    """The plugin with a family's model chosen, opened once for all rules."""
    opened: dict[str, Subject] = {}

    def subject(family: str) -> Subject:
        if family not in opened:
            folder = tmp_path_factory.mktemp("subject")
            opened[family] = open_subject("audio", folder, examples=examples(family, folder))
        return opened[family]

    def examples(family: str, folder: Path) -> Examples:
        model = models(family)
        elsewhere = shutil.copytree(model, folder / "a copy elsewhere")
        return Examples(
            inputs=write_recordings(folder),
            objects=[(np.sin(np.arange(12_000, dtype=np.float32) / 5), 16_000)],
            options={"model": str(model)},
            changing={
                "adapter": str(save_lora(model, folder)),
                "window_s": 0.4,
                "hop_s": 0.31,
            },
            neutral={"model": str(elsewhere), "trust_remote_code": True},
        )

    return subject


@pytest.mark.parametrize(
    ("family", "rule"), CASES, ids=[f"{family}-{rule.__name__}" for family, rule in CASES]
)
def test_every_family_keeps_every_rule(
    family: str, rule: Rule, subjects: Callable[[str], Subject]
) -> None:
    rule(subjects(family))


@pytest.mark.parametrize("family", FAMILIES)
def test_features_are_what_the_library_itself_gives(
    audio: Any, models: Callable[[str], Path], tmp_path: Path, family: str
) -> None:
    model = models(family)
    rate_hz = AutoFeatureExtractor.from_pretrained(model).sampling_rate
    wave = sound(0.5, rate_hz=rate_hz)
    soundfile.write(tmp_path / "half.wav", wave, rate_hz, subtype="FLOAT")
    (tokens,) = audio.tokens([tmp_path / "half.wav"], {"model": str(model)})
    expected = from_the_library(model, wave, family=family)
    torch.testing.assert_close(tokens, expected[: len(tokens)], rtol=1e-5, atol=1e-5)
    assert len(tokens) == EXPECTED_TOKENS.get(family, len(expected))


EXPECTED_TOKENS = {"ast": 2 + 3 * 10, "whisper": 25, "clap": 32 * 4, "clap-fused": 32 * 4}
"""Tokens that begin within half a second: of 0.05, 0.02 and 1/64 seconds each."""


def from_the_library(model: Path, wave: Any, *, family: str) -> Tensor:
    """Run a model by hand as its documentation says; return its tokens (N, E) in order of time."""
    extractor = AutoFeatureExtractor.from_pretrained(model)
    loaded = AutoModel.from_pretrained(model).eval()
    given = extractor(wave, sampling_rate=extractor.sampling_rate, return_tensors="pt")
    values = given[extractor.model_input_names[0]].float()
    with torch.inference_mode():
        if family == "whisper":
            tokens: Tensor = loaded.encoder(values).last_hidden_state[0]
        elif family.startswith("clap"):
            never = torch.zeros(1, 1, dtype=torch.bool)
            pitches = loaded.audio_model(values, is_longer=never).last_hidden_state[0]  # (E, K, S)
            tokens = pitches.permute(2, 1, 0).flatten(0, 1)
        else:
            tokens = loaded(values).last_hidden_state[0]
        if family == "ast":  # three bands, one after the other
            patches = torch.stack(tokens[2:].chunk(3), dim=1).flatten(0, 1)
            tokens = torch.cat([tokens[:2], patches])
    return tokens


def test_a_long_recording_is_read_to_its_end_in_overlapping_windows(
    audio: Any, models: Callable[[str], Path], tmp_path: Path
) -> None:
    wave = sound(2.25)
    soundfile.write(tmp_path / "long.wav", wave, RATE_HZ, subtype="FLOAT")
    soundfile.write(tmp_path / "end.wav", wave[-RATE_HZ:], RATE_HZ, subtype="FLOAT")
    options = {"model": str(models("whisper"))}
    whole = audio.tokens([tmp_path / "long.wav"], options)
    (end,) = audio.tokens([tmp_path / "end.wav"], options)
    assert len(whole) == 4  # from 0, 0.5, 1.0 and 1.25 seconds
    torch.testing.assert_close(whole[-1], end, rtol=1e-5, atol=1e-5)
    assert len(audio.tokens([tmp_path / "long.wav"], {**options, "hop_s": 1.0})) == 3
    assert len(audio.tokens([tmp_path / "long.wav"], {**options, "window_s": 0.75})) == 5


def test_a_model_without_a_length_of_its_own_has_windows_of_30_seconds(
    audio: Any, models: Callable[[str], Path], tmp_path: Path
) -> None:
    for length_s, windows in ((30, 1), (31, 2)):
        soundfile.write(tmp_path / "long.flac", sound(length_s, rate_hz=8000), 8000)
        tokens = audio.tokens([tmp_path / "long.flac"], {"model": str(models("wav2vec2"))})
        assert [len(window) for window in tokens] == [5999] * windows


@pytest.mark.parametrize("family", ["wav2vec2", "ast", "whisper", "clap"])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_silence_and_full_scale_give_finite_features(
    audio: Any, models: Callable[[str], Path], tmp_path: Path, family: str, level: float
) -> None:
    soundfile.write(tmp_path / "level.wav", np.full(8000, level), RATE_HZ)
    (tokens,) = audio.tokens([tmp_path / "level.wav"], {"model": str(models(family))})
    assert torch.isfinite(tokens).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_shortest_recording_is_encoded_and_one_shorter_is_refused_by_its_header(
    audio: Any, models: Callable[[str], Path], tmp_path: Path, family: str
) -> None:
    encoder, transform = audio.build({"model": str(models(family))})
    preparation = encoder.encoder.preparation
    path = tmp_path / "shortest.wav"
    soundfile.write(path, sound(1)[: preparation.shortest], preparation.rate_hz)
    transform.check_header(path)
    values, mask = encoder(encoder.collate(transform.prepare(transform.decode(path))))
    assert mask.any()
    assert torch.isfinite(values).all()
    soundfile.write(path, sound(1)[: preparation.shortest - 1], preparation.rate_hz)
    with pytest.raises(UnusableInput, match="expected at least"):
        transform.check_header(path)
