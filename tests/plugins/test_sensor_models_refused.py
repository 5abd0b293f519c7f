"""Time-series models and options that do not fit each other are refused before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from spaner_core import ConfigError, OptionError, UnusableInput

from tests.plugins.sensor_models import CONTEXT, options_of, save_model, swings


@pytest.fixture
def sensor(load: Callable[[str], Any]) -> Any:
    return load("sensor")


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
