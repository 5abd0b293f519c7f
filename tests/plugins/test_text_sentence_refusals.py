"""sentence-transformers folders that are not understood: refused, no part of them left out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from spaner_core import ConfigError

from tests.plugins.text_models import edit, save_sentence_folder


@pytest.fixture
def text(load: Callable[[str], Any]) -> Any:
    return load("text")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_sentence_folder(tmp_path_factory.mktemp("sentences") / "model")


def no_dense_weights(model: Path) -> None:
    weights = load_file(model / "2_Dense/model.safetensors")
    torch.save(weights, model / "2_Dense/pytorch_model.bin")
    (model / "2_Dense/model.safetensors").unlink()


def cut_dense_weights(model: Path) -> None:
    file = model / "2_Dense/model.safetensors"
    file.write_bytes(file.read_bytes()[:50])


def own_activation(model: Path) -> None:
    edit(model, "2_Dense/config.json", activation_function="some.package.Act")


def residual(model: Path) -> None:
    edit(model, "2_Dense/config.json", use_residual=True)


def dense_before_pooling(model: Path) -> None:
    edit(model, "2_Dense/config.json", module_input_name="token_embeddings")


def unknown_pooling(model: Path) -> None:
    edit(model, "1_Pooling/config.json", pooling_mode="median")


def prompt_out_of_pooling(model: Path) -> None:
    edit(model, "1_Pooling/config.json", include_prompt=False)
    prompts = {"prompts": {"q": "the cat: "}, "default_prompt_name": "q"}
    edit(model, "config_sentence_transformers.json", **prompts)


def other_output(model: Path) -> None:
    edit(model, "sentence_bert_config.json", transformer_task="fill-mask")


def no_width(model: Path) -> None:
    edit(model, "config_sentence_transformers.json", truncate_dim=0)


def no_such_prompt(model: Path) -> None:
    edit(model, "config_sentence_transformers.json", default_prompt_name="passage")


def other_tokens(model: Path) -> None:
    asked = {"text": {"add_special_tokens": False}}
    edit(model, "sentence_bert_config.json", processing_kwargs=asked)


def static_embedding(model: Path) -> None:
    kind = "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding"
    modules = [{"idx": 0, "name": "0", "path": "", "type": kind}]
    (model / "modules.json").write_text(json.dumps(modules), encoding="utf-8")


def edit_module(model: Path, place: int, **changed: str) -> None:
    modules = json.loads((model / "modules.json").read_text("utf-8"))
    modules[place] |= changed
    (model / "modules.json").write_text(json.dumps(modules), encoding="utf-8")


def own_module(model: Path) -> None:
    (model / "custom_st.py").write_text("raise SystemExit('it was imported')", encoding="utf-8")
    edit_module(model, 1, type="custom_st.Pooling")


def foreign_module(model: Path) -> None:
    edit_module(model, 1, type="os.system")


def folder_above(model: Path) -> None:
    edit_module(model, 1, path="../model/1_Pooling")


def folder_elsewhere(model: Path) -> None:
    edit_module(model, 2, path=str(model / "2_Dense"))


def broken_modules(model: Path) -> None:
    (model / "modules.json").write_text("[", encoding="utf-8")


def odd_modules(model: Path) -> None:
    (model / "modules.json").write_text('["a"]', encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_dense_weights, "has no 2_Dense/model.safetensors"),
        (cut_dense_weights, "2_Dense/model.safetensors holds no dense layer"),
        (own_activation, "ends in an activation that is not known here"),
        (residual, "use_residual"),
        (dense_before_pooling, "reads token_embeddings"),
        (unknown_pooling, "pools by median"),
        (prompt_out_of_pooling, "leaves its prefix 'the cat: ' out"),
        (other_output, "of fill-mask"),
        (no_width, "truncate_dim .* is 0"),
        (no_such_prompt, "is 'passage'; expected one of its prompts"),
        (other_tokens, "add_special_tokens"),
        (static_embedding, "lists StaticEmbedding; expected Transformer, Pooling"),
        (own_module, "lists Transformer, custom_st.Pooling, Dense, Normalize"),
        (foreign_module, "lists Transformer, os.system, Dense, Normalize"),
        (folder_above, "names the folder '../model/1_Pooling'"),
        (folder_elsewhere, "expected one within"),
        (broken_modules, "modules.json is no JSON"),
        (odd_modules, "modules.json lists 'a'"),
    ],
)
def test_what_is_not_understood_is_refused_and_never_left_out(
    text: Any, folder: str, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    model = Path(shutil.copytree(folder, tmp_path / "model"))
    change(model)
    with pytest.raises(ConfigError, match=message) as caught:
        text.build({"model": str(model)})
    assert "\n" not in str(caught.value)
