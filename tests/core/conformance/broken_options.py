"""Toys whose options, fingerprints or refusals break one rule each."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaner_core import Examples, UnusableInput, read_options

from tests import toy_modality as toy
from tests.core.conformance.broken import (
    NONE,
    ChangedEncoder,
    encoder_with,
    toy_with,
    transform_with,
    usual_aligner,
)


def known_only(options: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in options.items() if key == "width"}


def strict_with_key_error(features: Any, prompt_dim: int, options: Mapping[str, object]) -> Any:
    if options:
        raise KeyError(next(iter(options)))
    return usual_aligner(features, prompt_dim, {})


careless_encoder = toy_with(
    "check_unknown_options",
    "spaner_build_encoder takes the option 'no_such_option'; expected",
    also=("check_options_are_listed",),
    spaner_build_encoder=lambda options: toy.spaner_build_encoder(known_only(options)),
)
careless_transform = toy_with(
    "check_unknown_options",
    "spaner_build_transform takes the option 'no_such_option'",
    spaner_build_transform=lambda options: toy.spaner_build_transform(known_only(options)),
)
careless_aligner = toy_with(
    "check_unknown_options",
    "spaner_build_aligner takes the option 'no_such_option'",
    spaner_build_aligner=lambda features, prompt_dim: usual_aligner(features, prompt_dim, {}),
)
other_error = toy_with(
    "check_unknown_options",
    "spaner_build_aligner refuses the option 'no_such_option' with KeyError: 'no_such_option'",
    spaner_build_aligner=strict_with_key_error,
)


def fingerprint(made: Any) -> Any:
    return encoder_with(built=lambda encoder: vars(encoder).update(fingerprint=made()))


readable_fingerprint = toy_with(
    "check_fingerprints",
    "the encoder's fingerprint is 'toy-1'; expected 64",
    spaner_build_encoder=fingerprint(lambda: "toy-1"),
)
fingerprint_of_the_moment = toy_with(
    "check_fingerprints",
    "the encoder's fingerprint is another when it is built again",
    spaner_build_encoder=fingerprint(lambda: 2 * uuid.uuid4().hex),
)
fingerprint_of_the_process = toy_with(
    "check_fingerprints_in_a_second_process",
    "in a second process",
    spaner_build_encoder=fingerprint(lambda: f"{hash('toy') % 2**64:064x}"),
)


def one_fingerprint(options: Any) -> Any:
    transform: Any = toy.spaner_build_transform(options)
    transform.fingerprint = "0" * 64
    return transform


blind_fingerprints = toy_with(
    "check_changing_options",
    "width: 2 leaves the fingerprints of encoder and transform as they are",
    spaner_build_encoder=fingerprint(lambda: "0" * 64),
    spaner_build_transform=one_fingerprint,
)


def width_is_neutral(folder: Path) -> Examples:
    return Examples(inputs=toy.spaner_examples(folder).inputs, neutral={"width": 2})


in_the_fingerprint = toy_with(
    "check_neutral_options",
    "width: 2 changes a fingerprint, although it is listed as neutral",
    spaner_examples=width_is_neutral,
)


@dataclass(frozen=True, kw_only=True)
class ScaledOptions:
    width: int = 3
    scale: float = 1.0


def scaled_encoder(options: Mapping[str, object]) -> Any:
    scale = read_options(ScaledOptions, options).scale
    encoder = toy.spaner_build_encoder(known_only(options))
    return ChangedEncoder(encoder, lambda tokens, mask, _: (tokens * scale, mask))


def scaled_transform(options: Mapping[str, object]) -> Any:
    read_options(ScaledOptions, options)
    return toy.spaner_build_transform(known_only(options))


def scale_is_neutral(folder: Path) -> Examples:
    inputs = toy.spaner_examples(folder).inputs
    return Examples(inputs=inputs, changing={"width": 2}, neutral={"scale": 2.0})


not_neutral = toy_with(
    "check_neutral_options",
    "features differ with scale: 2.0, which is listed as neutral",
    spaner_build_encoder=scaled_encoder,
    spaner_build_transform=scaled_transform,
    spaner_examples=scale_is_neutral,
)


def idle_encoder(options: Mapping[str, object]) -> Any:
    scale = read_options(ScaledOptions, options).scale
    encoder: Any = toy.spaner_build_encoder(known_only(options))
    encoder.fingerprint = f"{encoder.fingerprint[:-2]}{int(scale):02x}"
    return encoder


def scale_is_changing(folder: Path) -> Examples:
    inputs = toy.spaner_examples(folder).inputs
    return Examples(inputs=inputs, changing={"width": 2, "scale": 2.0})


idle_option = toy_with(
    NONE,
    "",
    spaner_build_encoder=idle_encoder,
    spaner_build_transform=scaled_transform,
    spaner_examples=scale_is_changing,
)


class UnspeakableError(Exception):
    """Its words are code that fails."""

    def __str__(self) -> str:
        raise RuntimeError


def fails_without_words(own: Any, source: Any) -> Any:
    if isinstance(source, Path) and source.stem == "missing":
        raise UnspeakableError
    return own(source)


def unguarded(own: Any, source: Any) -> Any:
    return own(source.read_text(encoding="utf-8") if isinstance(source, Path) else source)


def never_opens(own: Any, source: Any) -> Any:
    return own(source if not isinstance(source, Path) or source.exists() else "1 2 3")


def talkative(own: Any, source: Any) -> Any:
    try:
        return own(source)
    except UnusableInput as error:
        raise UnusableInput(f"{error}\nSorry!") from error


refuses_otherwise = toy_with(
    "check_wrong_inputs",
    "a missing .toy file raises FileNotFoundError",
    spaner_build_transform=transform_with(decode=unguarded),
)
reads_what_is_not_there = toy_with(
    "check_wrong_inputs",
    "a missing .toy file is read; expected UnusableInput",
    spaner_build_transform=transform_with(decode=never_opens),
)
fails_unspeakably = toy_with(
    "check_wrong_inputs",
    "a missing .toy file raises UnspeakableError, at broken.py, line",
    spaner_build_transform=transform_with(decode=fails_without_words),
)
refuses_in_two_lines = toy_with(
    "check_wrong_inputs",
    "expected the reason in one line",
    spaner_build_transform=transform_with(decode=talkative),
)


def exit_on_options(features: Any, prompt_dim: int, options: Mapping[str, object]) -> Any:
    if options:
        os._exit(9)
    return usual_aligner(features, prompt_dim, {})


dying = toy_with(NONE, "", spaner_build_aligner=exit_on_options)
"""Takes the whole process with it when it is given an option."""
