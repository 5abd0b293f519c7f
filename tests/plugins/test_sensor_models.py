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
from spaner_core import ConfigError, Examples, OptionError, UnusableInput
from spaner_core.conformance import RULES, Rule, Subject, open_subject
from spaner_sensor.examples import READING

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


def save_adapter(folder: Path, model: Path) -> Path:
    """Save a LoRA adapter whose weights change what the model gives."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft asks transformers for names that it renamed
        torch.manual_seed(0)
        targets = LoraConfig(target_modules=["q_proj", "v_proj"], r=2, init_lora_weights=False)
        adapted = get_peft_model(transformers.AutoModel.from_pretrained(model), targets)
        adapted.save_pretrained(folder)
    return folder


def swings(steps: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    time = np.arange(steps)[:, None]
    return np.sin(time * np.array([0.3, 0.7, 1.9]) + steps).astype(np.float32)


def options_of(model: Path, **changed: object) -> dict[str, object]:
    return {"model": str(model), "channels": CHANNELS, "sample_rate_hz": 8.0, **changed}


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
    examples = Examples(inputs=inputs, options=options, changing=changing, neutral=neutral)
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


def test_readings_that_a_model_cannot_square_are_refused(sensor: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "huge.npy", 1e20 * swings(CONTEXT))
    options = options_of(save_model(tmp_path / "model", "PatchTST"))
    with pytest.raises(UnusableInput, match=r"up to 9\.99\S+; expected at most 1e\+12"):
        sensor.tokens([tmp_path / "huge.npy"], options)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"channels": ["x", "y"]}, "names 2 columns .* takes 3 channels"),
        ({"window_s": 1.0}, r"8 steps; .* takes 16 steps \(2 s\)"),
        ({"hop_s": 3.0}, "24 steps; expected 1 to 16"),
        ({"kernels": 50}, "kernels is no option of model"),
        ({"model": "patchtst"}, r"expected rocket, a folder \(./name\)"),
        ({"model": 5}, "model is 5; expected rocket"),
        ({"model": "./nowhere"}, "there is no such folder"),
        ({"missing": "drop"}, "expected refuse or interpolate"),
        ({"units": {"acc": "g"}}, r"units names acc; expected names from channels \(x, y, z\)"),
        ({"time": "x"}, "time is 'x', which is one of channels"),
        ({"time": "t", "max_gap_s": 0.1}, "less than a step at 8 Hz"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(
    sensor: Any, tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    model = save_model(tmp_path / "model", "PatchTST")
    with pytest.raises(ConfigError, match=message):
        sensor.build({**options_of(model), **changed})


def test_what_the_models_files_do_not_say_must_be_said(sensor: Any, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"channels is not given.*sample_rate_hz is not given"):
        sensor.build({"model": str(tmp_path)})


def test_a_shorter_window_is_one_of_whole_patches(sensor: Any, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", "TimesFm2_5")
    with pytest.raises(ConfigError, match=r"a multiple of 4 steps \(0.5 s\), at most 16 steps"):
        sensor.build(options_of(model, window_s=0.7))


def test_a_model_that_wants_more_than_readings_is_refused(sensor: Any, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", "TimeSeriesTransformer", num_time_features=2)
    with pytest.raises(ConfigError, match="asks for num_time_features=2 besides the readings"):
        sensor.build(options_of(model))


def test_a_model_of_another_kind_names_those_that_can_be_used(sensor: Any, tmp_path: Path) -> None:
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 9}
    config = transformers.BertConfig(**sizes, intermediate_size=8)
    transformers.BertModel(config).save_pretrained(tmp_path / "bert")
    with pytest.raises(ConfigError, match=r"is of type 'bert'; expected .* patchtst, patchtsmixer"):
        sensor.build(options_of(tmp_path / "bert"))
