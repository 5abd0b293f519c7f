from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from spaner_core.errors import ConfigError
from spaner_core.pretrained.transformers_models import describe_config, load_transformers_model

from tests.core.pretrained.tiny_bert import hidden, save_adapter, save_bert, save_peft


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_bert(tmp_path_factory.mktemp("bert"))


def test_an_adapter_does_to_the_model_what_peft_computes(bert: str, tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "lora", bert, lora_alpha=4)
    given = hidden(load_transformers_model(bert, adapter=adapter))
    plain = load_transformers_model(bert)
    factors = load_file(tmp_path / "lora/adapter_model.safetensors")
    (a,) = (value for name, value in factors.items() if "lora_A" in name)
    (b,) = (value for name, value in factors.items() if "lora_B" in name)
    with torch.no_grad():
        query = plain.get_parameter("encoder.layer.0.attention.self.query.weight")
        query += 4 / 2 * b @ a  # alpha over rank
    torch.testing.assert_close(given, hidden(plain))
    assert not torch.allclose(given, hidden(load_transformers_model(bert)), atol=1e-3)


def test_an_adapters_files_and_the_models_stay_as_they_are(bert: str, tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "lora", bert)
    files = [path for path in (*Path(bert).iterdir(), *Path(adapter).iterdir()) if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    load_transformers_model(bert, adapter=adapter)
    assert {path: path.read_bytes() for path in files} == before


def test_an_adapter_draws_nothing_at_random(bert: str, tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "lora", bert)
    before = torch.get_rng_state()
    load_transformers_model(bert, adapter=adapter)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_adapter_of_a_wider_model_is_refused(bert: str, tmp_path: Path) -> None:
    wide = save_bert(tmp_path / "wide", width=32)
    adapter = save_adapter(tmp_path / "lora", wide)
    with pytest.raises(ConfigError, match=r"does not fit BertModel .*size mismatch") as caught:
        load_transformers_model(bert, adapter=adapter)
    assert "\n" not in str(caught.value)


def test_an_adapter_of_layers_that_are_not_there_is_refused(bert: str, tmp_path: Path) -> None:
    adapter = Path(save_adapter(tmp_path / "lora", bert))
    config = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    config["target_modules"] = ["q_proj"]
    (adapter / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"does not fit BertModel .*q_proj"):
        load_transformers_model(bert, adapter=str(adapter))


@pytest.mark.parametrize("part", ["lora_A", "lora_B"])
def test_an_adapter_with_a_factor_less_is_refused(bert: str, tmp_path: Path, part: str) -> None:
    adapter = save_adapter(tmp_path / "lora", bert)
    file = Path(adapter) / "adapter_model.safetensors"
    kept = {name: value for name, value in load_file(file).items() if part not in name}
    save_file(kept, file)
    with pytest.raises(ConfigError, match=f"weights without counterpart: .*{part}"):
        load_transformers_model(bert, adapter=adapter)


def test_an_adapter_that_would_be_left_out_silently_is_refused(bert: str, tmp_path: Path) -> None:
    from peft import PromptTuningConfig, TaskType

    config = PromptTuningConfig(num_virtual_tokens=2, task_type=TaskType.FEATURE_EXTRACTION)
    adapter = save_peft(tmp_path / "prompts", bert, config)
    with pytest.raises(ConfigError, match="PROMPT_TUNING, which puts learned tokens"):
        load_transformers_model(bert, adapter=adapter)


def test_pickled_weights_are_refused(bert: str, tmp_path: Path) -> None:
    adapter = Path(save_adapter(tmp_path / "lora", bert))
    weights = load_file(adapter / "adapter_model.safetensors")
    torch.save(weights, adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"has no adapter_model.safetensors"):
        load_transformers_model(bert, adapter=str(adapter))


@pytest.mark.parametrize("content", [None, "{", '{"peft_type": "NONE_SUCH"}', "[]"])
def test_a_folder_that_is_no_adapter_is_refused(
    bert: str, tmp_path: Path, content: str | None
) -> None:
    adapter = Path(save_adapter(tmp_path / "lora", bert))
    if content is None:
        (adapter / "adapter_config.json").unlink()
    else:
        (adapter / "adapter_config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"adapter '.*lora'.*adapter_config.json") as caught:
        load_transformers_model(bert, adapter=str(adapter))
    assert "\n" not in str(caught.value)


def test_a_damaged_weights_file_is_refused(bert: str, tmp_path: Path) -> None:
    adapter = Path(save_adapter(tmp_path / "lora", bert))
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ConfigError, match=r"adapter '.*lora'"):
        load_transformers_model(bert, adapter=str(adapter))


def test_the_scale_of_an_adapter_is_in_the_description(bert: str, tmp_path: Path) -> None:
    """It is no weight: without it, features of other scales would be taken for these."""
    described = [
        describe_config(
            load_transformers_model(
                bert, adapter=save_adapter(tmp_path / str(alpha), bert, lora_alpha=alpha)
            )
        )
        for alpha in (4, 8)
    ]
    assert described[0] != described[1]
    assert str(tmp_path) not in json.dumps(described)


def test_the_description_is_the_same_in_every_process(bert: str, tmp_path: Path) -> None:
    """A set of layers' names has another order in each."""
    layers = ["query", "key", "value", "dense"]
    adapter = save_adapter(tmp_path / "lora", bert, target_modules=layers)
    code = (
        "import json, sys; from spaner_core.pretrained.transformers_models import *\n"
        f"model = load_transformers_model({bert!r}, adapter={adapter!r})\n"
        "sys.stdout.write(json.dumps(describe_config(model)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "3"},  # this process has another
        check=True,
        capture_output=True,
        text=True,
    )
    here = describe_config(load_transformers_model(bert, adapter=adapter))
    assert done.stdout == json.dumps(here)
    assert here["adapters"]["default"]["target_modules"] == sorted(layers)
