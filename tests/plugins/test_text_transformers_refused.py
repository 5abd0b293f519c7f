"""transformers folders, options and texts of which no features can be had."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spaner_core import ConfigError, OptionError, UnusableInput

from tests.plugins.text_models import (
    LONG_TEXT,
    save_adapter,
    save_bert,
    save_roberta,
    save_t5,
)


@pytest.fixture
def text(load: Callable[[str], Any]) -> Any:
    return load("text")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_bert(tmp_path_factory.mktemp("bert") / "model")


@pytest.mark.parametrize("options", [{"window_tokens": 2}, {"prefix": LONG_TEXT}])
def test_a_window_without_room_for_a_text_is_refused(
    text: Any, bert: str, options: dict[str, object]
) -> None:
    with pytest.raises(OptionError, match="expected room for at least one more"):
        text.build({"model": bert, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window_tokens": 25}, "expected at most 24, which is what the model reads at once"),
        ({"window_tokens": 0}, "window_tokens is 0"),
        ({"overlap": 1.0}, "overlap is 1.0"),
        ({"dim": 256}, "unknown key 'dim'"),
        ({"encoding": "latin-eins"}, "encoding is 'latin-eins'"),
    ],
)
def test_wrong_options_are_refused(
    text: Any, bert: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        text.build({"model": bert, **options})


def test_an_adapter_of_another_model_is_refused(text: Any, bert: str, tmp_path: Path) -> None:
    t5 = save_t5(tmp_path / "t5")
    adapter = save_adapter(tmp_path / "lora", t5, targets=("q",))
    with pytest.raises(ConfigError, match="does not fit BertModel"):
        text.build({"model": bert, "adapter": adapter})


def test_a_tokenizer_of_another_model_is_refused(text: Any, bert: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "mixed"))
    for file in Path(save_roberta(tmp_path / "roberta")).glob("tokenizer*"):
        shutil.copy(file, folder / file.name)
    with pytest.raises(ConfigError, match="the tokenizer's ids go up to"):
        text.build({"model": str(folder)})


def test_a_folder_without_tokenizer_is_refused(text: Any, bert: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "bare"))
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ConfigError, match="comes without a tokenizer") as caught:
        text.build({"model": str(folder)})
    assert "\n" not in str(caught.value)


def test_a_model_of_images_is_refused(text: Any, bert: str, tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTModel

    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        image_size=8, patch_size=4,
    )  # fmt: skip
    ViTModel(config).save_pretrained(tmp_path)
    for file in Path(bert).glob("tokenizer*"):
        shutil.copy(file, tmp_path / file.name)
    with pytest.raises(ConfigError, match=r"model '.*'.*expected"):
        text.build({"model": str(tmp_path)})


def test_a_text_that_the_tokenizer_leaves_nothing_of_is_refused(text: Any, bert: str) -> None:
    _, transform = text.build({"model": bert})
    with pytest.raises(UnusableInput, match="finds nothing in the text"):
        transform.decode("\u200b\u0007")
