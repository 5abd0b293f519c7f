"""Plugins that break one rule each: the toy with something else in one of its hooks.

These modules import nothing heavy, as the toy does not.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from spaner_core import hookimpl
from spaner_core.contract.hook_checks import KNOWN_HOOKS

from tests import toy_modality as toy

NONE = "none"
"""For a toy that breaks no rule."""


class BrokenToy(SimpleNamespace):
    """A plugin and what is expected of the kit: `rule` says `says`, the rules `also` object too."""

    rule: str
    says: str
    also: tuple[str, ...]


def toy_with(rule: str, says: str, *, also: tuple[str, ...] = (), **hooks: Any) -> BrokenToy:
    """The toy with some hooks replaced or added."""
    kept = {name: getattr(toy, name) for name in KNOWN_HOOKS if hasattr(toy, name)}
    changed = {name: hookimpl(hook) for name, hook in hooks.items()}
    return BrokenToy(**{**kept, **changed}, rule=rule, says=says, also=also)


Change = Callable[..., Any]


def encoder_with(
    call: Change | None = None, *, built: Callable[[Any], object] | None = None
) -> Callable[..., Any]:
    """A hook that builds the toy's encoder; `call` changes its answers, `built` the encoder."""

    def spaner_build_encoder(options: Any) -> Any:
        encoder = toy.spaner_build_encoder(options)
        if built is not None:
            built(encoder)
        return encoder if call is None else ChangedEncoder(encoder, call)

    return spaner_build_encoder


class ChangedEncoder:
    """An encoder whose answer is changed."""

    def __init__(self, encoder: Any, change: Change) -> None:
        self.features, self.fingerprint = encoder.features, encoder.fingerprint
        self.collate = encoder.collate
        self.encoder, self.change = encoder, change

    def __call__(self, batch: Any) -> Any:
        return self.change(*self.encoder(batch), batch)


def transform_with(**methods: Callable[..., Any]) -> Callable[..., Any]:
    """A hook that builds the toy's transform with other methods, which are given the toy's own."""

    def spaner_build_transform(options: Any) -> Any:
        transform: Any = toy.spaner_build_transform(options)
        for name, method in methods.items():
            setattr(transform, name, bind(method, getattr(transform, name)))
        return transform

    return spaner_build_transform


def bind(method: Callable[..., Any], own: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value: method(own, value)


def usual_aligner(features: Any, prompt_dim: int, options: Any) -> Any:
    """The aligner that core builds around the toy's reader, the mean of the tokens."""
    from spaner_core.method.aligner import build_aligner

    return build_aligner(features, prompt_dim, options)


def aligner_with(built: Callable[[Any], object]) -> Callable[..., Any]:
    """A hook that builds the toy's aligner and changes it with `built`."""

    def spaner_build_aligner(features: Any, prompt_dim: int, options: Any) -> Any:
        aligner = usual_aligner(features, prompt_dim, options)
        return built(aligner) or aligner

    return spaner_build_aligner


def answer_with(change: Callable[[Any], Any]) -> Callable[..., Any]:
    """A hook that builds the toy's aligner; `change` changes the alignments it gives."""
    return aligner_with(
        lambda aligner: aligner.register_forward_hook(lambda _, __, given: change(given)) and None
    )
