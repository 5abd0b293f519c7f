"""Reads from a sentence-transformers folder how its tokens become one embedding.

Its modules.json lists a transformer, a pooling, and then dense layers or a normalisation, each with
a folder of its own. The file formats are read here, not by that library: it draws weights that are
missing at random, puts Tanh in the place of an activation that it does not know, reads pickled
dense layers, sums in another order (features differ in their last bits) and takes 2 s to import.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

from spaner_core import ConfigError
from spaner_core.pretrained.locations import fetching, is_local, model_file

POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
"""In the order in which several of them are joined when they are flags."""

_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}

_SETTINGS = tuple(
    f"sentence_{family}_config.json"
    for family in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""Say how texts are fed to the transformer; the library's first versions named them by family."""

_USAGE = "config_sentence_transformers.json"
"""Says how `encode` is meant to be called."""

_NEUTRAL = ("padding", "truncation", "return_tensors", "pad_to_multiple_of")
"""What a tokenizer may be told: windows are cut, padded and masked here."""

EXPECTED = "Transformer, Pooling, and then any number of Dense and Normalize"


@dataclass(frozen=True, kw_only=True)
class DenseLayer:
    """A linear layer with weights in `folder`, then `activation`, a class of `torch.nn`."""

    folder: str
    activation: str


@dataclass(frozen=True, kw_only=True)
class SentenceLayout:
    """What follows the transformer, and how it wants to be fed.

    `folder` is the transformer's own within the model's. `poolings` are joined side by side;
    `layers` come after them, and of what these give the first `truncate_dim` numbers count, all
    where it is None. `max_tokens` is the most that it was made to read, `prefix` what stands before
    every text.
    """

    folder: str = ""
    poolings: tuple[str, ...] = ("mean",)
    layers: tuple[DenseLayer | Literal["normalize"], ...] = ()
    truncate_dim: int | None = None
    max_tokens: int | None = None
    lower_case: bool = False
    prefix: str = ""
    pools_prefix: bool = True


def read_layout(model: str) -> SentenceLayout:
    """Read how the model in a folder or on the Hub pools; the mean, where it does not say.

    Raises `ConfigError` where it has modules that are not known here.
    """
    modules = _read(model, "modules.json", kind=list)
    if modules is None:
        return SentenceLayout()
    kinds = [_kind(model, module) for module in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or not {*kinds[2:]} <= {"Dense", "Normalize"}:
        raise ConfigError(
            f"model {model!r}: modules.json lists {', '.join(kinds) or 'nothing'}; expected "
            f"{EXPECTED}; name a model made of these"
        )
    transformer, pooling, *rest = [str(module["path"]) for module in modules]
    if transformer and not is_local(model):
        raise ConfigError(
            f"model {model!r} keeps its transformer in the folder {transformer!r}; expected it at "
            "the top for a model by name; download it and give its folder"
        )
    found = (_read(model, _join(transformer, file)) for file in _SETTINGS)
    settings: dict[str, Any] = next(filter(None, found), {})
    _check_output(model, settings)
    pooled = _read(model, _join(pooling, "config.json")) or {}
    usage = _read(model, _USAGE) or {}
    return SentenceLayout(
        folder=transformer,
        poolings=_poolings(model, pooled),
        layers=tuple(
            _dense(model, folder) if kind == "Dense" else _normalize(model, folder)
            for kind, folder in zip(kinds[2:], rest, strict=True)
        ),
        truncate_dim=_truncate_dim(model, usage),
        max_tokens=_max_tokens(model, settings),
        lower_case=bool(settings.get("do_lower_case")),
        prefix=_prefix(model, usage),
        pools_prefix=bool(pooled.get("include_prompt", True)),
    )


def _kind(model: str, module: Any) -> str:
    """Return the class's name; a class of another library keeps its whole name, and is refused."""
    if not isinstance(module, dict) or not {"type", "path"} <= module.keys():
        raise ConfigError(
            f"model {model!r}: modules.json lists {module!r}; expected a type and a path for each "
            "module; get the file again"
        )
    path = PurePath(str(module["path"]))
    if path.is_absolute() or ".." in path.parts:
        raise ConfigError(
            f"model {model!r}: modules.json names the folder {str(path)!r}; expected one within "
            "the model's own; get the file again"
        )
    full = str(module["type"])
    return full.rpartition(".")[2] if full.startswith("sentence_transformers.") else full


def _check_output(model: str, settings: Mapping[str, Any]) -> None:
    """Refuse a transformer whose tokens are not its last hidden state."""
    reading = (settings.get("modality_config") or {}).get("text", {})
    output = reading.get("method_output_name", "last_hidden_state")
    task = settings.get("transformer_task", "feature-extraction")
    if (task, output) != ("feature-extraction", "last_hidden_state"):
        raise ConfigError(
            f"model {model!r} gives {output} of {task}; expected last_hidden_state of "
            "feature-extraction; name a model that embeds texts"
        )


def _poolings(model: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    named = config.get("pooling_mode") or [
        name for flag, name in _FLAGS.items() if config.get(flag)
    ]
    poolings = (named,) if isinstance(named, str) else tuple(named) or ("mean",)
    unknown = [name for name in poolings if name not in POOLINGS]
    if unknown:
        raise ConfigError(
            f"model {model!r} pools by {', '.join(map(str, unknown))}; expected "
            f"{', '.join(POOLINGS)}; name a model that pools so"
        )
    return poolings


def _dense(model: str, folder: str) -> DenseLayer:
    config = _read(model, _join(folder, "config.json")) or {}
    _check_place(model, folder, config)
    if config.get("use_residual"):
        raise ConfigError(
            f"model {model!r}: {folder} adds its input to its output (use_residual); expected a "
            "plain dense layer; name another model"
        )
    activation = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    known = activation.startswith("torch.nn.")
    return DenseLayer(folder=folder, activation=activation.rpartition(".")[2] if known else "")


def _normalize(model: str, folder: str) -> Literal["normalize"]:
    _check_place(model, folder, _read(model, _join(folder, "config.json")) or {})
    return "normalize"


def _check_place(model: str, folder: str, config: Mapping[str, Any]) -> None:
    """Refuse a layer that works on tokens, before they are pooled."""
    names = [
        config.get(f"module_{end}_name") or "sentence_embedding" for end in ("input", "output")
    ]
    if set(names) != {"sentence_embedding"}:
        raise ConfigError(
            f"model {model!r}: {folder} reads {names[0]} and gives {names[1]}; expected a layer "
            "behind the pooling; name a model that gives one embedding a text"
        )


def _max_tokens(model: str, settings: Mapping[str, Any]) -> int | None:
    """Return how many tokens it asks its tokenizer for; refuse what would change the tokens."""
    asked = settings.get("processing_kwargs") or {}
    told = {**(asked.get("common") or {}), **(asked.get("text") or {})}
    if strange := sorted(told.keys() - {"max_length", *_NEUTRAL}):
        raise ConfigError(
            f"model {model!r} gives its tokenizer {', '.join(strange)} (processing_kwargs in "
            "sentence_bert_config.json); expected max_length at most; name another model"
        )
    longest: int | None = told.get("max_length") or settings.get("max_seq_length")
    return longest


def _truncate_dim(model: str, usage: Mapping[str, Any]) -> int | None:
    kept = usage.get("truncate_dim")
    if kept is None or (type(kept) is int and kept > 0):
        return kept
    raise ConfigError(
        f"model {model!r}: truncate_dim in {_USAGE} is {kept!r}; expected a whole number from 1; "
        "correct it, or remove it to keep the whole embedding"
    )


def _prefix(model: str, usage: Mapping[str, Any]) -> str:
    """Return the prompt that `encode` puts before a text unless it is told another."""
    name = usage.get("default_prompt_name")
    prompts = {"query": "", "document": "", **(usage.get("prompts") or {})}
    if name is None:
        return ""
    if name not in prompts:
        raise ConfigError(
            f"model {model!r}: default_prompt_name in {_USAGE} is {name!r}; expected one of its "
            f"prompts, {', '.join(prompts)}; correct it"
        )
    return str(prompts[name] or "")


def _join(folder: str, file: str) -> str:
    return f"{folder}/{file}" if folder else file


def _read(model: str, file: str, *, kind: type[Any] = dict) -> Any:
    """Return what a JSON file of the model holds, None where there is no such file."""
    with fetching(model, files=f"the model's files, {file} first"):
        path = model_file(model, file)
        if path is None:
            return None
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(
                f"model {model!r}: {file} is no JSON ({error}); expected what "
                "sentence-transformers writes; get the file again"
            ) from error
    if not isinstance(value, kind):
        raise ConfigError(
            f"model {model!r}: {file} holds a {type(value).__name__}; expected a {kind.__name__}; "
            "get the file again"
        )
    return value
