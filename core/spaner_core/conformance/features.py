"""Rules about a frozen encoder and the shape of what it gives."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import nn

from spaner_core.conformance.broken_rule import BrokenRule
from spaner_core.conformance.comparing import check_same_features
from spaner_core.conformance.fitted import describe_spec, read_spec
from spaner_core.conformance.subject import Subject
from spaner_core.errors import PluginError
from spaner_core.modality import FeatureSpec

HOLD = "hold every module as an attribute of the encoder, where core finds and freezes it"


def check_feature_spec(subject: Subject) -> str:
    """FeatureSpec says what the encoder gives: width, number of tokens, their layout."""
    spec = subject.built.raw.features
    _check_layout(spec)
    tokens, mask = subject.built.encode_raw(subject.examples.inputs)
    windows = len(subject.built.windows(subject.examples.inputs))
    number = "N" if spec.tokens is None else spec.tokens
    fits = (
        tokens.ndim == 3
        and tokens.shape[0] == windows
        and tokens.shape[2] == spec.dim
        and tokens.shape[:2] == mask.shape
        and spec.tokens in (None, tokens.shape[1])
    )
    if not fits:
        raise BrokenRule(
            f"tokens {tuple(tokens.shape)} and mask {tuple(mask.shape)} for {windows} windows",
            f"({windows}, {number}, {spec.dim}) and ({windows}, {number}), as {spec} promises",
            "correct the encoder's features or what it gives",
        )
    return f"{spec.tokens or 'a varying number of'} tokens of width {spec.dim}"


def _check_layout(spec: FeatureSpec) -> None:
    if not isinstance(spec, FeatureSpec) or not _is_storable(spec):
        raise BrokenRule(
            f"the encoder's features are {spec!r}",
            "a spaner_core.FeatureSpec of plain whole numbers, which is stored as JSON",
            "make it one",
        )
    if spec.dim < 1 or spec.prefix_tokens < 0 or (spec.tokens is not None and spec.tokens < 1):
        raise BrokenRule(f"{spec}", "a width and a number of tokens from 1", "correct it")
    laid_out = None if spec.grid is None else math.prod(spec.grid) + spec.prefix_tokens
    if laid_out is not None and laid_out != spec.tokens:
        raise BrokenRule(
            f"grid {spec.grid} and prefix_tokens {spec.prefix_tokens} make {laid_out} tokens, "
            f"tokens is {spec.tokens}",
            "the product of the grid plus prefix_tokens to be the number of tokens",
            "correct the FeatureSpec, or leave out the grid",
        )


def _is_storable(spec: FeatureSpec) -> bool:
    try:
        return read_spec(describe_spec(spec)) == spec
    except (TypeError, ValueError):  # numbers of other libraries are no JSON
        return False


def check_features(subject: Subject) -> str:
    """Features are finite floating numbers; the mask is boolean, with a real token in each row."""
    tokens, mask = subject.built.encode_raw(subject.examples.inputs)
    if not tokens.is_floating_point() or mask.dtype != torch.bool:
        raise BrokenRule(
            f"tokens are {tokens.dtype} and the mask is {mask.dtype}",
            "floating tokens and a boolean mask",
            "convert what the encoder returns",
        )
    if not mask.any(dim=1).all():
        raise BrokenRule(
            "the mask leaves no real token in some row",
            "at least one real token a window",
            "refuse such an input with UnusableInput",
        )
    if not torch.isfinite(tokens[mask]).all():
        raise BrokenRule(
            "some features are NaN or infinite", "finite numbers", "find out which input makes them"
        )
    return f"{int(mask.sum())} tokens of {len(subject.examples.inputs)} inputs, all finite"


def check_frozen(subject: Subject) -> str:
    """Nothing in the encoder can train, wake up or change while it is used."""
    built, inputs = subject.build(), subject.examples.inputs
    with torch.enable_grad():
        tokens, _ = built.encode_raw(inputs)
    if tokens.requires_grad:
        raise BrokenRule(
            "features ask for a gradient although core froze the encoder",
            "features of frozen weights",
            HOLD,
        )
    before = built.features(inputs)
    try:
        with built.encoder.unchanged():
            built.features(inputs)
    except PluginError as error:
        raise BrokenRule(
            f"using the encoder changes it ({error})",
            "weights and buffers that stay as they are",
            "keep nothing between calls",
        ) from error
    modules = list(modules_within(built.raw))
    for module in modules:
        module.train()
    check_same_features(
        built.features(inputs),
        before,
        when="after train() was called on all modules within the encoder",
        advice=HOLD,
    )
    return f"{len(modules)} modules within, all frozen"


def modules_within(holder: object) -> Iterator[nn.Module]:
    """Find every module in an object, its attributes, and the containers among them."""
    seen: set[int] = set()
    waiting: list[object] = [holder]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, nn.Module):
            yield value
            waiting += value.children()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple | set):
            waiting += value
        elif value is holder or isinstance(value, nn.Module):
            waiting += getattr(value, "__dict__", {}).values()
