"""A peft adapter of the user's on a frozen model."""

from __future__ import annotations

import warnings
from typing import Any

from torch import nn

from spaner_core.errors import ConfigError
from spaner_core.pretrained.locations import fetching


def with_adapter(model: nn.Module, adapter: str) -> nn.Module:
    """Return `model` with the peft adapter at `adapter`, a folder or a Hub id.

    `model` is given away: peft puts its layers into it. Load it for this call alone; its files stay
    as they are, and nothing is merged into its weights. Raises `ConfigError` where peft is not
    installed, the adapter cannot be loaded, or any of its weights finds no place in the model.
    """
    try:
        from peft import PeftConfig, PeftModel
    except ImportError as error:
        raise ConfigError(
            f"adapter {adapter!r} needs peft, which is not installed; install the extra "
            "`spaner[peft]`"
        ) from error
    with fetching(adapter, files="adapter_config.json and adapter_model.safetensors"):
        config = PeftConfig.from_pretrained(adapter)
    try:
        with fetching(adapter, files="adapter_model.safetensors"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they warn of is checked below
            adapted: Any = PeftModel(model, config)
            result = adapted.load_adapter(adapter, "default", is_trainable=False)
    except (ValueError, RuntimeError, KeyError) as error:
        raise ConfigError(_misfit(adapter, model, " ".join(str(error).split()))) from error
    strays = [*result.missing_keys, *result.unexpected_keys]
    if strays:
        shown = ", ".join(strays[:3]) + (f" and {len(strays) - 3} more" if len(strays) > 3 else "")
        raise ConfigError(_misfit(adapter, model, f"weights without counterpart: {shown}"))
    module: nn.Module = adapted.eval()
    return module


def _misfit(adapter: str, model: nn.Module, reason: str) -> str:
    return (
        f"adapter {adapter!r} does not fit {type(model).__name__} ({reason}); expected one that "
        "was trained on this model; name the model it belongs to, or another adapter"
    )
