"""A tiny BERT and adapters for it, saved as people save them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertModel

IDS = torch.tensor([[1, 5, 7, 2]])


def save_bert(folder: Path, *, kind: Any = BertModel, width: int = 16, seed: int = 0) -> str:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=20, hidden_size=width, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=12,
        )  # fmt: skip
        kind(config).save_pretrained(folder)
    return str(folder)


def save_adapter(folder: Path, model: str, **settings: Any) -> str:
    """A LoRA adapter as training leaves it: both factors filled."""
    from peft import LoraConfig

    settings = {"r": 2, "target_modules": ["query"], **settings}
    return save_peft(folder, model, LoraConfig(**settings))


def save_peft(folder: Path, model: str, config: Any) -> str:
    from peft import get_peft_model

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft uses what transformers will rename
        torch.manual_seed(0)
        adapted: Any = get_peft_model(BertModel.from_pretrained(model), config)
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(weight)
        adapted.save_pretrained(folder)
    return str(folder)


def hidden(model: Any) -> torch.Tensor:
    with torch.no_grad():
        tokens: torch.Tensor = model(input_ids=IDS).last_hidden_state
    return tokens
