"""Checks that an encoder is frozen, and the shape of its features."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from types import FunctionType, ModuleType

import torch
from torch import Tensor, nn

from spaner_core.conformance.comparing import check_same_features
from spaner_core.conformance.fitted_aligner import describe_spec, read_spec
from spaner_core.conformance.noted_transform import name_of
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.modality import FeatureSpec
from spaner_core.errors import UnusableInput
from spaner_core.features.batch_files import fitting
from spaner_core.features.encoding import EncodedSample, fits_spec
from spaner_core.pretrained.fingerprint import fingerprint_module

STORED = "float16"
"""How features are kept unless the user says otherwise."""

MOST_OBJECTS = 10_000
NO_HOLDERS = (type, ModuleType, FunctionType, str, bytes, int, float, Tensor)
"""What holds no module of the encoder's own: whatever a library keeps for itself."""

HOLD = "hold every module as an attribute of the encoder, where core finds and freezes it"


def check_feature_spec(subject: Subject) -> str:
    """FeatureSpec says what the encoder gives: width, number of tokens, their layout."""
    spec = subject.built.raw.features
    _check_storable(spec)
    tokens, mask = subject.built.encode_raw(subject.windows)
    windows = len(subject.windows)
    number = "N" if spec.tokens is None else spec.tokens
    if not fits_spec(tokens, mask, spec, windows=windows):
        raise BrokenRule(
            f"tokens {tuple(tokens.shape)} and mask {tuple(mask.shape)} for {windows} windows",
            f"({windows}, {number}, {spec.dim}) and ({windows}, {number}), as {spec} promises",
            "correct the encoder's features or what it gives",
        )
    _check_grid(spec, mask)
    return f"{spec.tokens or 'a varying number of'} tokens of width {spec.dim}"


def _check_storable(spec: FeatureSpec) -> None:
    if not isinstance(spec, FeatureSpec) or not _is_storable(spec):
        raise BrokenRule(
            f"the encoder's features are {spec!r}",
            "a spaner_core.FeatureSpec of plain whole numbers, which is stored as JSON",
            "make it one",
        )


def _check_grid(spec: FeatureSpec, mask: Tensor) -> None:
    """Raise `BrokenRule` unless every window has the tokens that a grid lays out."""
    if spec.grid is None:
        return
    laid_out = math.prod(spec.grid) + spec.prefix_tokens
    given = mask.sum(dim=1) if spec.tokens is None else torch.tensor([spec.tokens])
    if (given != laid_out).any():
        raise BrokenRule(
            f"grid {spec.grid} and prefix_tokens {spec.prefix_tokens} make {laid_out} tokens, and "
            f"windows have {', '.join(map(str, sorted(set(given.tolist()))))}",
            "a window's tokens to be the product of the grid plus prefix_tokens",
            "correct the FeatureSpec, or leave out the grid",
        )


def _is_storable(spec: FeatureSpec) -> bool:
    try:
        return read_spec(describe_spec(spec)) == spec
    except (TypeError, ValueError):  # numbers of other libraries are no JSON
        return False


def check_features(subject: Subject) -> str:
    """Features are finite floating numbers; the mask is boolean, with a real token in each row."""
    tokens, mask = subject.built.encode_raw(subject.windows)
    if not tokens.is_floating_point() or mask.dtype != torch.bool:
        raise BrokenRule(
            f"tokens are {tokens.dtype} and the mask is {mask.dtype}",
            "floating tokens and a boolean mask",
            "convert what the encoder returns",
        )
    rows = subject.features
    if not mask.any(dim=1).all():
        raise BrokenRule(
            f"the mask leaves no real token in a window of {_first_empty(subject)}",
            "at least one real token a window",
            "refuse such an input with UnusableInput",
        )
    for source, *row in zip(subject.examples.inputs, rows.values, rows.mask, strict=True):
        refused = fitting(EncodedSample(*row), dtype=STORED)
        if isinstance(refused, UnusableInput):
            raise BrokenRule(
                f"the example {name_of(source)} is refused by extraction ({refused})",
                "features that the store keeps as it is set by default",
                "let the encoder divide what it gives by a constant",
            )
    return f"{int(mask.sum())} tokens of {len(subject.examples.inputs)} inputs, all finite"


def _first_empty(subject: Subject) -> str:
    """Name the first example of which a window has no real token."""
    for source in subject.examples.inputs:
        _, mask = subject.built.encode_raw(subject.built.windows([source]))
        if not mask.any(dim=1).all():
            return name_of(source)
    return "some example, among others"


def check_frozen(subject: Subject) -> str:
    """Nothing in the encoder can train, wake up or change while it is used."""
    _, inputs = subject.features, subject.examples.inputs
    built = subject.build()
    with torch.enable_grad():
        tokens, _ = built.encode_raw(subject.windows)
    if tokens.requires_grad:
        raise BrokenRule(
            "features ask for a gradient although core froze the encoder",
            "features of frozen weights",
            HOLD,
        )
    known, modules = built.features(inputs), list(modules_within(built.raw))
    before = [fingerprint_module(module) for module in modules]
    built.features(inputs)
    if [fingerprint_module(module) for module in modules] != before:
        raise BrokenRule(
            "using the encoder changes its own weights or buffers",
            "weights and buffers that stay as they are",
            "keep nothing between calls",
        )
    for module in modules:
        module.train()
    check_same_features(
        built.features(inputs),
        known,
        when="after train() was called on all modules within the encoder",
        advice=HOLD,
    )
    return f"{len(modules)} modules within, all frozen"


def modules_within(holder: object) -> Iterator[nn.Module]:
    """Find every module in an object, in its attributes, and in the objects and containers there.

    Looks at `MOST_OBJECTS` objects at most: an attribute may lead to half a library.
    """
    seen: dict[int, object] = {}  # kept, as the number of an object that is gone is used again
    waiting: deque[object] = deque([holder])
    while waiting and len(seen) < MOST_OBJECTS:
        value = waiting.popleft()
        if id(value) in seen or isinstance(value, NO_HOLDERS):
            continue
        seen[id(value)] = value
        if isinstance(value, nn.Module):
            yield value
            waiting += value.children()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            waiting += value
        waiting += getattr(value, "__dict__", {}).values()
