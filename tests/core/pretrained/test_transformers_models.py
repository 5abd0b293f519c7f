from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from io import StringIO
from logging import StreamHandler
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from spaner_core.errors import ConfigError
from spaner_core.pretrained.fingerprint import fingerprint_module
from spaner_core.pretrained.transformers_models import describe_config, load_transformers_model
from transformers import (
    BertForMaskedLM,
    BertModel,
    HubertConfig,
    HubertModel,
    T5Config,
    T5EncoderModel,
)
from transformers.utils import logging

from tests.core.pretrained.tiny_bert import hidden, save_bert

REMOTE_CODE = """\
from transformers import BertConfig, BertModel
class OwnConfig(BertConfig):
    model_type = "own"
class OwnModel(BertModel):
    config_class = OwnConfig
"""


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_bert(tmp_path_factory.mktemp("bert"))


def copy(model: str, folder: Path) -> Path:
    return Path(shutil.copytree(model, folder))


def edit_config(folder: Path, **changed: Any) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(config | changed), encoding="utf-8")


def test_a_saved_model_comes_back_and_does_not_train(bert: str) -> None:
    loaded = load_transformers_model(bert)
    assert not loaded.training
    torch.testing.assert_close(hidden(loaded), hidden(BertModel.from_pretrained(bert).eval()))


def test_half_precision_weights_are_computed_with_in_float32(bert: str, tmp_path: Path) -> None:
    BertModel.from_pretrained(bert).half().save_pretrained(tmp_path)
    assert {p.dtype for p in load_transformers_model(str(tmp_path)).parameters()} == {torch.float32}


def test_loading_draws_nothing_at_random(tmp_path: Path) -> None:
    model = save_bert(tmp_path, kind=BertForMaskedLM)  # it lacks the pooler
    before = torch.get_rng_state()
    load_transformers_model(model)
    assert torch.equal(torch.get_rng_state(), before)


def test_loading_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The library reports a missing pooler, with advice to train it."""
    model = save_bert(tmp_path, kind=BertForMaskedLM)
    capfd.readouterr()
    said = StringIO()
    handler = StreamHandler(said)
    logging.add_handler(handler)
    try:
        load_transformers_model(model)
    finally:
        logging.remove_handler(handler)
    assert said.getvalue() == ""
    assert capfd.readouterr() == ("", "")


def test_a_pooler_without_weights_is_left_out(tmp_path: Path) -> None:
    """The library draws it at random: no two loads would have the same fingerprint."""
    model = save_bert(tmp_path, kind=BertForMaskedLM)
    first, second = load_transformers_model(model), load_transformers_model(model)
    assert fingerprint_module(first) == fingerprint_module(second)
    assert torch.equal(hidden(first), hidden(second))
    assert not any("pooler" in name for name, _ in first.named_parameters())


def test_a_decoder_without_weights_is_left_out(tmp_path: Path) -> None:
    config = T5Config(vocab_size=20, d_model=16, d_kv=8, d_ff=32, num_heads=2, num_layers=1)
    T5EncoderModel(config).save_pretrained(tmp_path)
    first, second = (load_transformers_model(str(tmp_path)) for _ in range(2))
    assert fingerprint_module(first) == fingerprint_module(second)


def test_weights_that_only_stand_in_for_masked_input_may_be_missing(tmp_path: Path) -> None:
    config = HubertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8,), conv_stride=(5,), conv_kernel=(10,), num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    HubertModel(config).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    del weights["masked_spec_embed"]
    save_file(weights, file, metadata={"format": "pt"})
    first, second = (load_transformers_model(str(tmp_path)) for _ in range(2))
    assert fingerprint_module(first) == fingerprint_module(second)


def test_a_model_that_lacks_weights_is_refused(bert: str, tmp_path: Path) -> None:
    folder = copy(bert, tmp_path / "bert")
    file = folder / "model.safetensors"
    weights = load_file(file)
    del weights["encoder.layer.0.attention.self.query.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"has no weights for encoder.layer.0.*query.weight"):
        load_transformers_model(str(folder))


def test_pickled_weights_are_refused(bert: str, tmp_path: Path) -> None:
    folder = copy(bert, tmp_path / "bert")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"expected config.json and model.safetensors"):
        load_transformers_model(str(folder))


def cut_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{", encoding="utf-8")


def unknown_model(folder: Path) -> None:
    edit_config(folder, model_type="none_such")


def wrong_type(folder: Path) -> None:
    edit_config(folder, hidden_size="wide")


def wrong_width(folder: Path) -> None:
    edit_config(folder, hidden_size=32)


@pytest.mark.parametrize(
    "damage", [cut_weights, no_config, broken_config, unknown_model, wrong_type, wrong_width]
)
def test_a_damaged_folder_is_named_in_one_line(bert: str, tmp_path: Path, damage: Any) -> None:
    folder = copy(bert, tmp_path / "bert")
    damage(folder)
    with pytest.raises(ConfigError, match=r"model '.*bert'.*expected config.json") as caught:
        load_transformers_model(str(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", ["no one/has this", "https://example.com/model", "a/b/c"])
def test_what_cannot_be_a_name_is_a_wrong_option(model: str) -> None:
    with pytest.raises(ConfigError, match="model '"):
        load_transformers_model(model)


def test_the_description_says_nothing_of_where_a_model_lies(bert: str, tmp_path: Path) -> None:
    other = str(copy(bert, tmp_path / "elsewhere"))
    described = [describe_config(load_transformers_model(model)) for model in (bert, other)]
    assert described[0] == described[1]
    assert "elsewhere" not in json.dumps(described)


def test_the_description_tells_what_weights_do_not(bert: str, tmp_path: Path) -> None:
    folder = copy(bert, tmp_path / "other")
    edit_config(folder, hidden_act="relu")
    plain, changed = load_transformers_model(bert), load_transformers_model(str(folder))
    assert fingerprint_module(plain) == fingerprint_module(changed)
    assert describe_config(plain) != describe_config(changed)


def test_the_description_leaves_out_what_a_later_library_adds(bert: str, tmp_path: Path) -> None:
    """A default written out is the same as one left out."""
    folder = copy(bert, tmp_path / "old")
    file = folder / "config.json"
    config = json.loads(file.read_text("utf-8"))
    del config["layer_norm_eps"], config["use_cache"]
    file.write_text(json.dumps(config), encoding="utf-8")
    old, new = load_transformers_model(str(folder)), load_transformers_model(bert)
    assert describe_config(old) == describe_config(new)
    assert "layer_norm_eps" not in describe_config(new)


def test_code_of_the_models_own_runs_only_when_it_is_asked_for(bert: str, tmp_path: Path) -> None:
    """In a process of its own: the library keeps the code it imports."""
    folder = copy(bert, tmp_path / "own")
    (folder / "own.py").write_text(REMOTE_CODE, encoding="utf-8")
    edit_config(
        folder,
        model_type="own",
        auto_map={"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"},
    )
    with pytest.raises(ConfigError, match=r"code of its own.*trust_remote_code: true"):
        load_transformers_model(str(folder))
    code = (
        "from spaner_core.pretrained.transformers_models import *\n"
        f"model = load_transformers_model({str(folder)!r}, **{{'trust_remote_code': True}})\n"
        "print(type(model).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_HOME": str(tmp_path / "home")},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "OwnModel"
