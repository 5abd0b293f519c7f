"""Models of the transformers library: loaded from safetensors, described for fingerprints."""

from __future__ import annotations

from typing import Any

from torch import nn

from spaner_core.errors import ConfigError
from spaner_core.pretrained.adapters import with_adapter
from spaner_core.pretrained.locations import fetching

_VOLATILE = ("_name_or_path", "name_or_path", "transformers_version", "architectures", "dtype")
"""Keys of a model's configuration that say where it came from, not what it gives."""


def load_transformers_model(
    model: str, *, adapter: str | None = None, trust_remote_code: bool = False
) -> nn.Module:
    """Load `AutoModel` from a folder or by Hub name, with the user's adapter if there is one.

    Float32, in evaluation mode, from safetensors only. `trust_remote_code` runs code of the
    model's repository: pass what the user wrote in plugins.yaml, nothing else. Raises
    `ConfigError` where it cannot be loaded.
    """
    import torch
    from transformers import AutoModel

    with fetching(model, files="config.json and model.safetensors"):
        try:
            loaded: Any = AutoModel.from_pretrained(
                model,
                trust_remote_code=trust_remote_code,
                use_safetensors=True,
                dtype=torch.float32,
            )
        except (ValueError, KeyError, ImportError) as error:
            raise ConfigError(
                f"model {model!r} is none that transformers' AutoModel loads "
                f"({' '.join(str(error).split())[:300]}); expected a folder that save_pretrained "
                "wrote, or a name on the Hub"
            ) from error
    module: nn.Module = loaded.eval()
    return with_adapter(module, adapter) if adapter else module


def describe_config(model: nn.Module) -> dict[str, Any]:
    """Return what a transformers model's configuration decides of its output, for a fingerprint."""
    config: Any = model.config
    described: dict[str, Any] = config.to_dict()
    return {key: value for key, value in described.items() if key not in _VOLATILE}
