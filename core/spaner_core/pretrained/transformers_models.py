"""Loads models of the transformers library from safetensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from spaner_core.errors import ConfigError
from spaner_core.pretrained.adapters import describe_adapters, with_adapter
from spaner_core.pretrained.locations import fetching
from spaner_core.progress import shows_progress

_VOLATILE = ("_name_or_path", "name_or_path", "transformers_version", "architectures", "dtype")
"""Keys of a model's configuration that say where it came from, not what it gives."""

_TRAINED_APART = ("pooler", "decoder")
"""Parts that many published weights leave out, and that no token feature passes through."""

_MASKS = ("mask_token", "masked_spec_embed")
"""Weights that only stand in for input masked in training."""

_LONGEST_REASON = 300


def load_transformers_model(
    model: str, *, adapter: str | None = None, trust_remote_code: bool = False
) -> nn.Module:
    """Load `AutoModel` from a folder or by Hub name, with the user's adapter if there is one.

    Float32, in evaluation mode, from safetensors only. A pooler or decoder that has no weights
    there is left out. `trust_remote_code` runs code of the model's repository: pass what the user
    wrote in plugins.yaml, nothing else. Raises `ConfigError` where it cannot be loaded or weights
    are missing.
    """
    from transformers import AutoModel

    loaded, report = load_auto(
        AutoModel,
        model,
        files="config.json and model.safetensors",
        trust_remote_code=trust_remote_code,
        use_safetensors=True,
        dtype=torch.float32,
        output_loading_info=True,
    )
    _settle_missing(loaded, report["missing_keys"], model=model)
    module: nn.Module = loaded.eval()
    return with_adapter(module, adapter) if adapter else module


def load_auto(
    kind: Any, model: str, *, files: str, trust_remote_code: bool = False, **arguments: Any
) -> Any:
    """Load one of transformers' Auto classes, say `AutoTokenizer`, from a folder or by Hub name.

    `files` names what it reads, for messages; `arguments` go to its `from_pretrained`. Random
    numbers stay as they were. Raises `ConfigError` where it cannot be loaded.
    """
    with fetching(model, files=files), torch.random.fork_rng(devices=[]), _quiet():
        try:
            return kind.from_pretrained(model, trust_remote_code=trust_remote_code, **arguments)
        except OSError:
            raise
        except Exception as error:  # what a damaged folder makes the library raise is anything
            reason = " ".join(str(error).split())
            if "trust_remote_code" in reason and not trust_remote_code:
                raise ConfigError(
                    f"model {model!r} comes with code of its own, which would run on this machine; "
                    "expected a model that transformers knows by itself; choose another, or, "
                    "having read that code, write trust_remote_code: true"
                ) from error
            raise ConfigError(
                f"model {model!r} is none that transformers' {kind.__name__} loads "
                f"({reason[:_LONGEST_REASON]}); "
                f"expected {files} as save_pretrained writes them, in a folder or on the Hub; "
                "mend it, or name another"
            ) from error


def describe_config(model: nn.Module) -> dict[str, Any]:
    """Return what a transformers model's configuration decides of its output, for a fingerprint.

    Settings at the library's own defaults are left out, so that those which a later version adds
    change nothing. The settings of peft adapters are part of it: their weights alone do not tell
    their scale.
    """
    config: Any = model.config
    settings: dict[str, Any] = config.to_dict()
    try:
        usual: dict[str, Any] = type(config)().to_dict()
    except Exception:  # configurations of several models have no defaults
        usual = {}
    told = {key: value for key, value in settings.items() if key not in _VOLATILE}
    return {"type": type(config).__name__, **_unusual(told, usual), **describe_adapters(model)}


def _unusual(settings: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for key, value in settings.items():
        default = usual.get(key)
        if isinstance(value, dict) and isinstance(default, dict):
            value = _unusual(value, default) or default
        if key not in usual or value != default:
            told[key] = value
    return told


def _settle_missing(loaded: Any, missing: set[str], *, model: str) -> None:
    """Leave out parts without weights, which the library has drawn at random, or refuse."""
    lacking = {name.split(".")[0] for name in missing}
    parts = {name for name, _ in loaded.named_children()}
    unused = [part for part in _TRAINED_APART if part in lacking and _is_apart(part, parts)]
    for part in unused:
        setattr(loaded, part, None)
    rest = [name for name in sorted(missing) if name.split(".")[0] not in unused]
    for name in [name for name in rest if name.split(".")[-1] in _MASKS]:
        nn.init.zeros_(loaded.get_parameter(name))
        rest.remove(name)
    if rest:
        shown = ", ".join(rest[:3]) + (f" and {len(rest) - 3} more" if len(rest) > 3 else "")
        raise ConfigError(
            f"model {model!r} has no weights for {shown}, which {type(loaded).__name__} would draw "
            "at random; expected model.safetensors to hold them all; save the whole model, or name "
            "another"
        )


def _is_apart(part: str, parts: set[str]) -> bool:
    """Tell whether tokens go around it: around a pooler always, a decoder beside an encoder."""
    return part == "pooler" or "encoder" in parts


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loading report off standard error, and bars too where there is no terminal."""
    from transformers import utils

    logging: Any = utils.logging
    verbosity = logging.get_verbosity()
    hides_bars = logging.is_progress_bar_enabled() and not shows_progress()
    logging.set_verbosity_error()
    if hides_bars:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if hides_bars:
            logging.enable_progress_bar()
