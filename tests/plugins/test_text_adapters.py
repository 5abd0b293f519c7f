"""peft adapters that train embeddings, of tokens and of places: features are those of peft."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import IA3Config, LoraConfig, PeftModel, TrainableTokensConfig
from safetensors.torch import load_file, save_file
from spaner_core import ConfigError
from transformers import AutoModel, AutoTokenizer

from tests.plugins.text_models import (
    LINES,
    LONG_TEXT,
    save_bert,
    save_peft,
    save_roberta,
    save_t5,
)

TOKENS, PLACES = "word_embeddings", "position_embeddings"
CHOSEN = [5, 9, 12, 17]
"""Tokens whose embeddings are trained alone."""

FAMILIES: dict[str, Callable[[Path], str]] = {
    "bert": save_bert,
    "roberta": save_roberta,
    "t5": save_t5,
}


def lora(*targets: str, **settings: Any) -> LoraConfig:
    return LoraConfig(r=2, target_modules=list(targets), **settings)


ADAPTERS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "trained copy": ("bert", lora("query", modules_to_save=[TOKENS]), {}),
    "trained copy beside IA3": (
        "bert",
        IA3Config(target_modules=["query"], feedforward_modules=[], modules_to_save=[TOKENS]),
        {},
    ),
    "saved with it": ("bert", lora("query"), {"save_embedding_layers": True}),
    "LoRA": ("bert", lora("query", TOKENS), {}),
    "LoRA alone": ("bert", lora(TOKENS), {"save_embedding_layers": False}),
    "some tokens": ("bert", lora("query", trainable_token_indices={TOKENS: CHOSEN}), {}),
    "some tokens alone": (
        "bert",
        TrainableTokensConfig(token_indices=CHOSEN, target_modules=[TOKENS]),
        {},
    ),
    "LoRA of places": ("roberta", lora("query", PLACES), {}),
    "trained copy of places": ("roberta", lora("query", modules_to_save=[PLACES]), {}),
    "shared by encoder and decoder": ("t5", lora("q", modules_to_save=["shared"]), {}),
    "LoRA of an encoder": ("t5", lora("q", "embed_tokens"), {}),
    "some tokens of an encoder": ("t5", lora("q", trainable_token_indices=CHOSEN), {}),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {name: save(tmp_path_factory.mktemp(name)) for name, save in FAMILIES.items()}


@pytest.fixture
def text(load: Callable[[str], Any]) -> Any:
    return load("text")


def expected(model: str, adapter: str, line: str) -> torch.Tensor:
    """The mean of the tokens that peft's own model makes of a text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that will change, and of weights that are tied
        adapted: Any = PeftModel.from_pretrained(AutoModel.from_pretrained(model), adapter).eval()
    whole = adapted.get_base_model()
    encoder = whole.encoder if whole.config.is_encoder_decoder else adapted
    with torch.inference_mode():
        ids = AutoTokenizer.from_pretrained(model)(line, return_tensors="pt")["input_ids"]
        tokens: torch.Tensor = encoder(input_ids=ids).last_hidden_state
    return tokens.mean(dim=1)


@pytest.mark.parametrize("kind", ADAPTERS)
def test_an_adapter_of_embeddings_gives_what_peft_gives(
    text: Any, models: dict[str, str], tmp_path: Path, kind: str
) -> None:
    family, config, saving = ADAPTERS[kind]
    model = models[family]
    adapter = save_peft(tmp_path / "adapter", model, config, **saving)
    (given,) = text.tokens(LINES[:1], {"model": model, "adapter": adapter})
    (plain,) = text.tokens(LINES[:1], {"model": model})
    torch.testing.assert_close(given, expected(model, adapter, LINES[0]), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(given, plain, atol=1e-3)


@pytest.mark.parametrize("kind", ["LoRA of places", "trained copy of places"])
def test_a_model_whose_places_are_adapted_reads_as_many_tokens_as_before(
    text: Any, models: dict[str, str], tmp_path: Path, kind: str
) -> None:
    """RoBERTa keeps two of its places for the padding."""
    _, config, saving = ADAPTERS[kind]
    model = models["roberta"]
    adapter = save_peft(tmp_path / "adapter", model, config, **saving)
    encoder, transform = text.build({"model": model, "adapter": adapter})
    windows = transform.prepare(LONG_TEXT)
    assert {len(window) for window in windows} == {24}
    encoder(encoder.collate(windows))


def test_trained_embeddings_are_in_the_fingerprint(
    text: Any, models: dict[str, str], tmp_path: Path
) -> None:
    model, (_, config, _) = models["bert"], ADAPTERS["trained copy"]
    found = {
        text.build({"model": model, "adapter": save_peft(tmp_path / name, model, config, seed=n)})[
            0
        ].fingerprint
        for name, n in (("one", 0), ("same", 0), ("other", 1))
    }
    assert len(found) == 2


@pytest.mark.parametrize("kind", ["trained copy", "LoRA", "some tokens", "some tokens alone"])
def test_an_adapter_without_the_embeddings_that_it_trained_is_refused(
    text: Any, models: dict[str, str], tmp_path: Path, kind: str
) -> None:
    _, config, saving = ADAPTERS[kind]
    adapter = Path(save_peft(tmp_path / "adapter", models["bert"], config, **saving))
    file = adapter / "adapter_model.safetensors"
    save_file({k: v for k, v in load_file(file).items() if TOKENS not in k}, file)
    with pytest.raises(ConfigError, match=f"does not fit BertModel .*{TOKENS}") as caught:
        text.build({"model": models["bert"], "adapter": str(adapter)})
    assert "\n" not in str(caught.value)
