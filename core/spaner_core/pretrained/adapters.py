"""Puts a user's peft adapter on a frozen model."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import MISSING
from typing import Any

import torch
from torch import nn

from spaner_core.errors import ConfigError
from spaner_core.extras import need
from spaner_core.pretrained.locations import fetching, model_file

_WEIGHTS = "adapter_model.safetensors"

_VOLATILE = (
    *("base_model_name_or_path", "revision", "peft_version", "inference_mode", "task_type"),
    *("auto_mapping", "lora_dropout", "init_lora_weights"),
)
"""Keys of an adapter's configuration that say where it came from or how it was trained."""


def with_adapter(model: nn.Module, adapter: str) -> nn.Module:
    """Return `model` with the peft adapter at `adapter`, a folder or a Hub id.

    `model` is given away: peft puts its layers into it. Load it for this call alone; its files stay
    as they are, and nothing is merged into its weights. Random numbers stay as they were. Raises
    `ConfigError` where peft is not installed, the adapter cannot be loaded, or any of its weights
    finds no place in the model.
    """
    need("peft", user=f"adapter {adapter!r} needs")
    from peft import PeftModel

    config = _read_config(adapter)
    try:
        with (
            fetching(adapter, files=_WEIGHTS, what="adapter"),
            torch.random.fork_rng(devices=[]),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # what they warn of is checked below
            adapted: Any = PeftModel(model, config)
            result = adapted.load_adapter(
                adapter, "default", is_trainable=False, torch_device="cpu"
            )
    except ConfigError:
        raise
    except KeyError as error:
        raise ConfigError(_misfit(adapter, model, f"it has no weights {error}")) from error
    except Exception as error:  # peft raises whatever its layers do
        raise ConfigError(_misfit(adapter, model, " ".join(str(error).split()))) from error
    strays = [*result.missing_keys, *result.unexpected_keys]
    if strays:
        shown = ", ".join(strays[:3]) + (f" and {len(strays) - 3} more" if len(strays) > 3 else "")
        raise ConfigError(_misfit(adapter, model, f"weights without counterpart: {shown}"))
    module: nn.Module = adapted.eval()
    return module


def without_adapter(layer: nn.Module) -> nn.Module:
    """Return the layer that peft's own stand around; `layer` itself where none does.

    Around an embedding there may be LoRA, a trained copy of it, or trained rows for some tokens.
    """
    inner = getattr(layer, "original_module", getattr(layer, "base_layer", None))
    return without_adapter(inner) if isinstance(inner, nn.Module) else layer


def describe_adapters(model: nn.Module) -> dict[str, Any]:
    """Return what a model's peft adapters set otherwise than peft does; empty where it has none.

    JSON values. Settings that a later peft adds change nothing.
    """
    configs: dict[str, Any] = getattr(model, "peft_config", {})
    described = {name: _describe(config) for name, config in configs.items()}
    return {"adapters": described} if described else {}


def _describe(config: Any) -> dict[str, Any]:
    usual = {
        field.name: field.default if field.default_factory is MISSING else field.default_factory()
        for field in dataclasses.fields(config)
    }
    told: dict[str, Any] = {"type": type(config).__name__}
    for key, value in config.to_dict().items():
        if key not in _VOLATILE and (key not in usual or value != usual[key]):
            # a set's order is another in every process
            told[key] = sorted(value) if isinstance(value, set) else value
    return told


def _read_config(adapter: str) -> Any:
    """Return the adapter's configuration; raises `ConfigError` where it is none to be used."""
    from peft import PeftConfig

    with fetching(adapter, files=f"adapter_config.json and {_WEIGHTS}", what="adapter"):
        try:
            config = PeftConfig.from_pretrained(adapter)
        except (OSError, ValueError, KeyError, TypeError) as error:
            if model_file(adapter, "adapter_config.json") is not None:
                raise ConfigError(
                    f"adapter {adapter!r}: its adapter_config.json cannot be read "
                    f"({' '.join(str(error).split())}); expected one that peft wrote; save the "
                    "adapter again"
                ) from error
            raise OSError(f"there is no adapter_config.json: {error}") from error
        if model_file(adapter, _WEIGHTS) is None:
            raise ConfigError(
                f"adapter {adapter!r} has no {_WEIGHTS}; expected its weights as safetensors; save "
                "it again with peft's save_pretrained"
            )
    if config.is_prompt_learning:
        raise ConfigError(
            f"adapter {adapter!r} is {config.peft_type.value}, which puts learned tokens before "
            "the input; expected an adapter of the model's layers, such as LoRA; name another"
        )
    return config


def _misfit(adapter: str, model: nn.Module, reason: str) -> str:
    return (
        f"adapter {adapter!r} does not fit {type(model).__name__} ({reason}); expected one that "
        "was trained on this model; name the model it belongs to, or another adapter"
    )
