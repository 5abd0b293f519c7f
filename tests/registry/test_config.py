from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass
from pathlib import Path

import pytest
from pydantic import ValidationError
from spaner_core import OptionError, read_options
from spaner_core.recipe import MonitoringRecipe, Recipe, TrainingRecipe
from spaner_registry.config.settings import Config, read_config

from tests.registry.configs import SMALLEST

WHOLE = """\
# the demo
space: runs/base
data: {manifest: data/manifest.csv}
prompt:
  labels_from: text
  labels: ./labels.csv
  dim: 64
  strength: 1
  anchors: labels
  whitening: 1e-2
  read_out_sharpness: 5
loss: {anchor_weight: 0, item_weight: 0.5, scale: 20}
modalities:
  text:
  vision:
    encoder: {model: hog, sizes: {1: 2}}
    aligner: {dropout: 0.4}
training:
  max_steps: 1e3
  per_device_train_batch_size: 8
  learning_rate: 1e-3
  adam_beta2: 0.9
  warmup_steps: 0
  weight_decay: 0
  seed: 4294967295
  check_labels: true
  use_unlabelled: true
  eval_steps: 25
  early_stopping_patience: 4
  report_to: tensorboard
policy:
  links: {audio: [text], vision: []}
  allow: [spaner-text]
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "plugins.yaml"
    path.write_text(text)
    return path


def test_reads_every_key(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path, WHOLE))
    assert config.path == tmp_path / "plugins.yaml"
    assert config.space == tmp_path / "runs/base"
    assert config.data.manifest == tmp_path / "data/manifest.csv"
    assert asdict(config.prompt) == {
        "labels_from": "text",
        "labels": tmp_path / "labels.csv",
        "dim": 64,
        "strength": 1.0,
        "anchors": "labels",
        "whitening": 0.01,
        "read_out_sharpness": 5.0,
    }
    assert asdict(config.loss) == {"anchor_weight": 0.0, "item_weight": 0.5, "scale": 20.0}
    assert list(config.modalities) == ["text", "vision"]
    assert config.modalities["text"].model_dump() == {"encoder": {}, "aligner": {}}
    assert config.modalities["vision"].encoder == {"model": "hog", "sizes": {1: 2}}
    assert config.modalities["vision"].aligner == {"dropout": 0.4}
    assert asdict(config.training) == {
        "max_steps": 1000,
        "per_device_train_batch_size": 8,
        "learning_rate": 0.001,
        "adam_beta2": 0.9,
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "seed": 4294967295,
        "check_labels": True,
        "use_unlabelled": True,
        "eval_steps": 25,
        "early_stopping_patience": 4,
        "report_to": "tensorboard",
    }
    assert config.policy.links == {"audio": ("text",), "vision": ()}
    assert config.policy.linked("audio", "measure") == ("text",)
    assert config.policy.linked("sensor", "search") == ()
    assert config.policy.allow == ("spaner-text",)


def test_the_numbers_reach_the_recipe(tmp_path: Path) -> None:
    recipe = read_config(_write(tmp_path, WHOLE)).recipe
    assert (recipe.prompt.dim, recipe.prompt.anchors, recipe.prompt.whitening) == (
        64,
        "labels",
        0.01,
    )
    assert (recipe.loss.anchor_weight, recipe.loss.item_weight, recipe.loss.scale) == (0, 0.5, 20)
    assert (recipe.training.max_steps, recipe.training.adam_beta2) == (1000, 0.9)
    training = read_config(tmp_path / "plugins.yaml").training
    assert (training.eval_steps, training.early_stopping_patience) == (25, 4)
    assert training.report_to == "tensorboard"


def test_what_is_left_out_is_the_measured_default(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path, SMALLEST))
    assert config.recipe == Recipe()
    assert asdict(config.training) == {**asdict(TrainingRecipe()), **asdict(MonitoringRecipe())}
    assert config.prompt.labels_from is None
    assert config.policy.links is None
    assert config.policy.allow is None


@pytest.mark.parametrize(
    ("written", "shares"),
    [
        ("", (0.01, 0.01)),
        (", max_unusable: 5e-2", (0.05, 0.05)),
        (", max_unusable: {b: 0.2}", (0.01, 0.2)),
        (", max_unusable: {default: 0.5, b: 0}", (0.5, 0)),
    ],
)
def test_a_modality_has_its_own_share_or_that_of_all(
    tmp_path: Path, written: str, shares: tuple[float, float]
) -> None:
    path = tmp_path / "plugins.yaml"
    path.write_text(f"space: s\ndata: {{manifest: m{written}}}\nmodalities: {{a: , b: }}\n")
    data = read_config(path).data
    assert (data.share_unusable("a"), data.share_unusable("b")) == shares


def test_sections_with_nothing_under_them_set_nothing(tmp_path: Path) -> None:
    blank = "prompt:\nloss:\ntraining:\n  # seed: 1\npolicy:\n"
    assert read_config(_write(tmp_path, SMALLEST + blank)).recipe == Recipe()


def test_steps_without_a_number_follow_the_data(tmp_path: Path) -> None:
    blank = "training: {max_steps: , warmup_steps: 400}\n"
    training = read_config(_write(tmp_path, SMALLEST + blank)).recipe.training
    assert (training.max_steps, training.warmup_steps) == (None, 400)


def test_keys_without_a_value_leave_monitoring_off(tmp_path: Path) -> None:
    blank = "training: {eval_steps: , early_stopping_patience: , report_to: none}\n"
    training = read_config(_write(tmp_path, SMALLEST + blank)).training
    assert (training.eval_steps, training.report_to) == (None, "none")


def test_an_empty_policy_is_kept_apart_from_none(tmp_path: Path) -> None:
    policy = read_config(_write(tmp_path, SMALLEST + "policy: {links: {}, allow: []}\n")).policy
    assert (policy.links, policy.allow) == ({}, ())


def test_absolute_and_home_paths_are_not_put_under_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    text = SMALLEST.replace("space: s", "space: ~/s").replace("m.csv", "/data/m.csv")
    config = read_config(_write(tmp_path, text))
    assert config.space == Path("/home/someone/s")
    assert config.data.manifest == Path("/data/m.csv")
    text = SMALLEST.replace("space: s", "space: ~nobody-of-that-name/s")
    assert read_config(_write(tmp_path, text)).space == tmp_path / "~nobody-of-that-name/s"


def test_numbers_may_be_written_in_any_usual_way(tmp_path: Path) -> None:
    numbers = "{learning_rate: 1e-3, adam_beta2: 9.5E-1, max_steps: 2.0e2, warmup_steps: '7'}"
    training = read_config(_write(tmp_path, f"{SMALLEST}training: {numbers}\n")).training
    assert (training.learning_rate, training.adam_beta2) == (0.001, 0.95)
    assert (training.max_steps, training.warmup_steps) == (200, 7)
    assert type(training.max_steps) is int
    assert type(training.learning_rate) is float


def test_paths_follow_the_file_wherever_the_program_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, SMALLEST.replace("space: s", "space: ../s"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert read_config(Path("../plugins.yaml")).space == Path("../../s")
    monkeypatch.chdir(tmp_path)
    assert read_config(Path("plugins.yaml")).data.manifest == Path("m.csv")


@pytest.mark.parametrize(
    "spoil", [str, lambda text: f"\ufeff{text}", lambda text: text.replace("\n", "\r\n")]
)
def test_a_byte_order_mark_and_other_line_ends_change_nothing(
    tmp_path: Path, spoil: Callable[[str], str]
) -> None:
    path = _write(tmp_path, WHOLE)
    plain = read_config(path).model_dump()
    path.write_bytes(spoil(WHOLE).encode())
    config = read_config(path)
    assert config.model_dump() == plain
    assert config.locate("modalities", "vision", "encoder", "model") == f"{path}:16:15"


def test_a_config_cannot_be_changed(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path, SMALLEST))
    with pytest.raises(ValidationError, match="frozen"):
        config.space = tmp_path  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        config.training.seed = 3  # type: ignore[misc]


def test_locate_gives_the_key_or_the_nearest_above(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path, WHOLE))
    path = config.path
    assert config.locate("modalities", "vision", "encoder", "model") == f"{path}:16:15"
    assert config.locate("modalities", "vision", "encoder", "absent") == f"{path}:16:5"
    assert config.locate("modalities", "vision", "aligner", "") == f"{path}:17:5"
    assert config.locate("policy", "links", "audio", 0) == f"{path}:32:19"
    assert config.locate() == f"{path}:2:1"
    assert read_config(path).model_copy(update={"space": Path("x")}).locate() == f"{path}:2:1"


def test_a_plugins_option_errors_get_their_places(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Options:
        dropout: float = 0.1
        width: int = 3

    text = SMALLEST.replace("{text: }", "{text: {aligner: {widht: 3, dropout: much}}}")
    config = read_config(_write(tmp_path, text))
    with pytest.raises(OptionError) as caught:
        read_options(Options, config.modalities["text"].aligner)
    error = config.option_error(caught.value, "modalities", "text", "aligner")
    lines = str(error).splitlines()
    assert lines[0] == f"{config.path}:3:31: unknown key 'widht'; did you mean 'width'?"
    assert lines[1].startswith(f"{config.path}:3:41: dropout is 'much'; expected a number;")


def test_every_section_is_refused_unless_something_reads_it() -> None:
    assert set(Config.model_fields) == {
        "space",
        "data",
        "features",
        "prompt",
        "loss",
        "modalities",
        "training",
        "calibration",
        "policy",
    }
