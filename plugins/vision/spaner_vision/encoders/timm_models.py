"""Loads models of the timm library, always with weights.

timm's own loader does the work, because it knows what each architecture needs done to published
weights. It is strict for all but a few architectures, whose missing weights are looked for here.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError, safe_open
from spaner_core import ConfigError, OptionError
from spaner_core.pretrained.adapters import describe_adapters, with_adapter
from spaner_core.pretrained.locations import fetching, is_local, model_file
from timm.models import is_model_pretrained, load_state_dict

from spaner_vision.options import HOG, HUB, TimmOptions

_FILES = "config.json and model.safetensors"

_HEAD_AND_INPUT = ("num_classes", "global_pool", "in_chans", "img_size")
"""Model arguments that decide the classifier, which is taken off, or that `input_size` tells."""

_UNLOADABLE = (
    *(RuntimeError, ValueError, KeyError, TypeError, AttributeError, AssertionError, EOFError),
    SafetensorError,
)
"""What timm and torch raise on configurations and weights that do not fit or are damaged."""

_LOADER = "timm.models._builder"

_MISSING = re.compile(r"Missing keys \((?P<names>.*)\) discovered", re.DOTALL)


def load_timm_model(options: TimmOptions) -> Any:
    """Return the model that `options` name, without its classifier, in evaluation mode.

    Raises `OptionError` for names that there are not, `ConfigError` for models, weights and
    adapters that cannot be fetched or do not fit. Random numbers stay as they were.
    """
    with torch.random.fork_rng(devices=[]):  # layers draw their first weights
        model = _create(options)
        if options.adapter is not None:
            model.reset_classifier(_classes_of_adapter(model, options.adapter))
            with_adapter(model, options.adapter)  # puts its layers into the model
        model.reset_classifier(0)
    return model.eval()


def describe_timm_model(model: Any) -> dict[str, Any]:
    """Return what decides a loaded model's output besides its weights, for a fingerprint."""
    arguments = {
        key: value
        for key, value in model.pretrained_model_args.items()
        if key not in _HEAD_AND_INPUT
    }
    return {
        "architecture": model.pretrained_cfg["architecture"],
        "arguments": arguments,
        **describe_adapters(model),
    }


def _create(options: TimmOptions) -> Any:
    name = options.model
    if is_local(name):
        return _load(f"local-dir:{name}", given=name, files=f"{_FILES} of timm's save_for_hf")
    if name.startswith(HUB):
        return _load(name, given=name, files=_FILES)
    _check_name(name)
    if options.checkpoint is not None:
        return _load(name, given=options.checkpoint, what="checkpoint", files=f"weights of {name}")
    if not is_model_pretrained(name):
        raise ConfigError(
            f"model {name!r} has no weights that timm could fetch; expected a model with weights, "
            "as random ones see nothing; give yours as checkpoint: ./weights.safetensors"
        )
    return _load(name, given=name, files=_FILES)


def _load(name: str, *, given: str, files: str, what: str = "model") -> Any:
    """Create a model with weights; raise `ConfigError` where a weight is lacking or has no place.

    `given` is what the user wrote for the option `what`.
    """
    expected = f"expected {files} that fit each other, with every weight there"
    with fetching(given, files=files, what=what), noting_missing_weights() as missing:
        try:
            source = _from_file(name, given) if what == "checkpoint" else {}
            model = timm.create_model(name, pretrained=True, **source)
        except _UNLOADABLE as error:
            raise ConfigError(
                f"{what} {given!r} cannot be loaded ({' '.join(str(error).split())[:400]}); "
                f"{expected}; mend it, or name another"
            ) from error
    published: Any = model.pretrained_cfg
    heads = {classifier.split(".")[0] for classifier in _classifiers(published)}
    lacking = [weight for weight in missing if weight.split(".")[0] not in heads]
    if lacking:
        raise ConfigError(
            f"{what} {given!r} has no {', '.join(lacking[:3])} ({len(lacking)} weights are "
            f"missing); {expected}; mend it, or name another"
        )
    return model


def _check_name(name: str) -> None:
    """Raise `OptionError` unless timm knows the architecture and the tag behind the dot."""
    architecture = name.split(".")[0]
    near: Sequence[str]
    if timm.is_model(name):
        try:
            timm.get_pretrained_cfg(name)
        except RuntimeError:
            near = difflib.get_close_matches(name, timm.list_pretrained(f"{architecture}.*"), n=3)
        else:
            return
    else:
        near = difflib.get_close_matches(architecture, timm.list_models(), n=3)
    advice = f"did you mean {' or '.join(near)}?" if near else "see timm.list_pretrained()"
    hub = f" (hf-hub:{name})" if "/" in name and ":" not in name else ""
    raise OptionError(
        [
            (
                "model",
                f"model is {name!r}, which timm does not know; expected {HOG}, a name of timm's, "
                f"hf-hub:owner/name{hub}, or a folder as ./folder; {advice}",
            )
        ]
    )


def _from_file(name: str, checkpoint: str) -> dict[str, Any]:
    """Return the arguments that make timm load `checkpoint`, with the classifier it has, if any.

    Read by timm as weights alone: a pickle that holds anything else is refused.
    """
    if not Path(checkpoint).is_file():
        raise ValueError("it is no file")
    state = load_state_dict(checkpoint, weights_only=True)
    published: Any = timm.get_pretrained_cfg(name)
    classifiers = _classifiers(published.to_dict() if published else {})
    heads = {f"{part}.weight" for full in classifiers for part in (full, full.split(".")[0])}
    classes = max((len(state[head]) for head in heads & state.keys()), default=0)
    overlay = {"file": checkpoint, "num_classes": classes, "label_offset": 0}
    return {"num_classes": classes, "pretrained_cfg_overlay": overlay}


def _classes_of_adapter(model: Any, adapter: str) -> int:
    """Return how many classes an adapter's own classifier tells apart; 0 where it brings none."""
    with fetching(adapter, files="adapter_model.safetensors", what="adapter"):
        file = model_file(adapter, "adapter_model.safetensors")
    if file is None:
        return 0  # with_adapter will say what is wrong, here and below
    endings = tuple(
        f".{classifier}.{part}"
        for classifier in _classifiers(model.pretrained_cfg)
        for part in ("weight", "bias", "lora_B.weight")
    )
    try:
        with safe_open(file, framework="pt") as weights:
            heads = [key for key in weights.keys() if key.endswith(endings)]  # noqa: SIM118
            return max((weights.get_slice(key).get_shape()[0] for key in heads), default=0)
    except SafetensorError:
        return 0


def _classifiers(published: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a model's classifier layers, by its published configuration."""
    names = published.get("classifier") or ()
    return (names,) if isinstance(names, str) else tuple(names)


class _Listener(logging.Filter):
    """Notes what is told, and lets through what would be shown without it."""

    def __init__(self, shown_from: int) -> None:
        super().__init__()
        self.shown_from = shown_from
        self.missing: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        told = _MISSING.search(record.getMessage())
        self.missing += told["names"].split(", ") if told else []
        return record.levelno >= self.shown_from


@contextmanager
def noting_missing_weights() -> Iterator[list[str]]:
    """Give a list that holds, after the block, the names of weights that were not loaded.

    timm tells only its log which names found nothing to load.
    """
    logger = logging.getLogger(_LOADER)
    level, shown_from = logger.level, logger.getEffectiveLevel()
    listener = _Listener(shown_from)
    logger.addFilter(listener)
    logger.setLevel(min(shown_from, logging.INFO))
    try:
        yield listener.missing
    finally:
        logger.setLevel(level)
        logger.removeFilter(listener)
