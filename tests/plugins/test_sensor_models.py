"""Time-series models of transformers, saved as their own library saves them, read from folders."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model
from spaner_core import Examples
from spaner_core.conformance import RULES, Rule, Subject, open_subject
from spaner_sensor.examples import READING

from tests.plugins.sensor_models import CHANNELS, CONTEXT, FAMILIES, options_of, save_model, swings


def save_adapter(folder: Path, model: Path) -> Path:
    """Save a LoRA adapter whose weights change what the model gives."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft asks transformers for names that it renamed
        torch.manual_seed(0)
        targets = LoraConfig(target_modules=["q_proj", "v_proj"], r=2, init_lora_weights=False)
        adapted = get_peft_model(transformers.AutoModel.from_pretrained(model), targets)
        adapted.save_pretrained(folder)
    return folder


@pytest.fixture
def sensor(load: Callable[[str], Any]) -> Any:
    return load("sensor")


@pytest.fixture
def series(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{steps}.npy" for steps in (16, 21, 40)]
    for path in paths:
        np.save(path, swings(int(path.stem)))
    return paths


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Subject]:
    """The plugin with a family's model chosen, opened once for all rules."""
    return cache(lambda family: open_plugin(family, tmp_path_factory.mktemp(family)))


def open_plugin(family: str, folder: Path) -> Subject:
    model = save_model(folder / "model", family)
    inputs = [folder / f"{steps}.npy" for steps in (16, 21, 40)]
    for path in inputs:
        np.save(path, swings(int(path.stem)))
    changing = {
        "model": str(save_model(folder / "other", family, seed=1)),
        "channels": ["x", "y", "w"],
        "sample_rate_hz": 10.0,
        "hop_s": 0.5,
        **{**READING, "units": {"x": "g"}},
    }
    neutral: dict[str, object] = {"trust_remote_code": True}
    if family == "PatchTSMixer":  # has no layers q_proj and v_proj
        neutral["adapter"] = None
    else:
        changing["adapter"] = str(save_adapter(folder / "adapter", model))
    if family.startswith("TimesFm"):
        changing["window_s"] = 1.0
    else:
        neutral["window_s"] = CONTEXT / 8.0  # what the model takes anyway
    options = options_of(model)
    examples = Examples(
        inputs=inputs,
        objects=[swings(18)],
        options=options,
        changing=changing,
        neutral=neutral,
    )
    return open_subject("sensor", folder, examples=examples)


CASES = [
    pytest.param(family, rule, id=f"{family}-{rule.__name__}")
    for family in FAMILIES
    for rule in RULES  # two families are asked in second processes
    if family in ("PatchTST", "Informer") or "second_process" not in rule.__name__
    # random weights know no order of severities: to them, more noise is not farther away
    if rule.__name__ != "check_severities"
]


@pytest.mark.parametrize(("family", "rule"), CASES)
def test_every_family_keeps_the_rule(
    family: str, rule: Rule, plugin: Callable[[str], Subject]
) -> None:
    rule(plugin(family))


def test_a_token_is_a_patch_of_time_with_its_channels_side_by_side(
    sensor: Any, series: list[Path], tmp_path: Path
) -> None:
    model = save_model(tmp_path / "model", "PatchTST")
    (tokens,) = sensor.tokens(series[:1], options_of(model))
    whole = transformers.PatchTSTModel.from_pretrained(model).eval()
    values = torch.from_numpy(swings(CONTEXT)).unsqueeze(0)
    (hidden,) = whole(past_values=values).last_hidden_state.detach()  # (channels, patches, width)
    assert tokens.shape == (4, 3 * 8)
    torch.testing.assert_close(tokens[:, 8:16], hidden[1])
    assert sensor.build(options_of(model))[0].features.dim == 24


def test_a_univariate_model_sees_each_channel_alone(
    sensor: Any, series: list[Path], tmp_path: Path
) -> None:
    model = save_model(tmp_path / "model", "TimesFm")
    (tokens,) = sensor.tokens(series[:1], options_of(model))
    for place, name in enumerate(CHANNELS):
        np.save(tmp_path / "alone.npy", swings(CONTEXT)[:, place])
        (alone,) = sensor.tokens([tmp_path / "alone.npy"], options_of(model, channels=[name]))
        torch.testing.assert_close(tokens[:, 8 * place : 8 * (place + 1)], alone)


@pytest.mark.parametrize("family", ["PatchTST", "TimesFm", "TimesFm2_5", "Informer"])
def test_a_model_saved_with_its_forecasting_head_gives_the_same(
    sensor: Any, series: list[Path], tmp_path: Path, family: str
) -> None:
    kind = "ModelForPrediction" if family.startswith("TimesFm") else "ForPrediction"
    model = save_model(tmp_path / "head", family, kind=kind)
    transformers.AutoModel.from_pretrained(model).save_pretrained(tmp_path / "bare")
    with_head, without = (
        sensor.tokens(series, options_of(tmp_path / name)) for name in ("head", "bare")
    )
    assert all(torch.equal(one, other) for one, other in zip(with_head, without, strict=True))


def test_a_model_pretrained_by_masking_sees_all_of_its_input(
    sensor: Any, series: list[Path], tmp_path: Path
) -> None:
    masking = save_model(tmp_path / "masking", "PatchTST", kind="ForPretraining")
    assert transformers.AutoConfig.from_pretrained(masking).do_mask_input
    weights = transformers.PatchTSTModel.from_pretrained(masking, do_mask_input=False)
    weights.save_pretrained(tmp_path / "seeing")
    (given,), (known,) = (
        sensor.tokens(series[:1], options_of(tmp_path / name)) for name in ("masking", "seeing")
    )
    assert torch.equal(given, known)


def test_a_long_series_is_cut_into_windows_that_overlap_by_half(
    sensor: Any, series: list[Path], tmp_path: Path
) -> None:
    encoder, transform = sensor.build(options_of(save_model(tmp_path / "model", "PatchTST")))
    sample = transform.decode(series[2])
    windows = transform.prepare(sample)
    starts = [0, 8, 16, 24]
    assert all(
        torch.equal(window, sample.values[:, start : start + CONTEXT])
        for window, start in zip(windows, starts, strict=True)
    )
    assert encoder.features.tokens is None


def test_an_adapter_changes_features_and_leaves_the_model_as_it_is(
    sensor: Any, series: list[Path], tmp_path: Path
) -> None:
    model = save_model(tmp_path / "model", "Informer")
    adapter = save_adapter(tmp_path / "adapter", model)
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    (plain,) = sensor.tokens(series[:1], options_of(model))
    (adapted,) = sensor.tokens(series[:1], options_of(model, adapter=str(adapter)))
    assert not torch.allclose(plain, adapted)
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


def test_a_constant_channel_gives_finite_features(sensor: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "still.npy", np.zeros((CONTEXT, 3), dtype=np.int8))
    for family in FAMILIES:
        model = save_model(tmp_path / family, family)
        (tokens,) = sensor.tokens([tmp_path / "still.npy"], options_of(model))
        assert torch.isfinite(tokens).all(), family
