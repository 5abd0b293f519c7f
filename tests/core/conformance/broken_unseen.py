"""Toys whose fault shows only with other inputs, other hooks, or when somebody ends a command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spaner_core import UnusableInput

from tests.core.conformance.broken import NONE, encoder_with, toy_with, transform_with
from tests.core.conformance.broken_extras import Corruption
from tests.core.conformance.broken_sources import parts_with, take_lists, taking, toy_objects


def seeds_torch(sample: Any, *, severity: int, seed: int) -> Any:
    import torch

    torch.manual_seed(seed)
    moved = severity * torch.rand(3)
    return [[[a + b for a, b in zip(t, moved.tolist(), strict=True)] for t in w] for w in sample]


def drawing(own: Callable[..., Any]) -> Callable[..., Any]:
    """A function that draws from Python's random numbers before it does its own."""
    import random

    def draw(*given: Any, **named: Any) -> Any:
        random.random()
        return own(*given, **named)

    return draw


def process_state(says: str, **hooks: Any) -> Any:
    return toy_with("check_process_state", says, **hooks)


seeds_in_noise = process_state(
    "applying corruptions changes torch's random numbers",
    spaner_corruptions=lambda: [Corruption("noise", seeds_torch)],
)
draws_in_a_preview = process_state(
    "spaner_preview changes Python's random numbers",
    spaner_preview=lambda sample: drawing(lambda: None)(),
)
draws_in_take = process_state(
    "take changes Python's random numbers",
    spaner_build_transform=taking(drawing(take_lists)),
    spaner_examples=toy_objects([1, 2, 3]),
)
draws_to_cover = process_state(
    "parts or without changes Python's random numbers",
    spaner_build_transform=parts_with(without=drawing(lambda sample, part: [[[0.0] * 3]])),
)
draws_to_recognise = process_state(
    "spaner_recognise changes Python's random numbers",
    spaner_recognise=lambda head, suffix: drawing(lambda: suffix == ".toy")(),
)


def from_its_start(value: Any) -> Any:
    """Move an array to begin at 0, where it is."""
    if type(value).__name__ != "ndarray" or value.shape[-1:] != (3,):
        return None
    value -= value[0, 0]
    return [value.tolist()]


def an_array_from_0(folder: Path) -> Any:
    import numpy

    return toy_objects(numpy.arange(6.0).reshape(2, 3))(folder)


moves_to_its_start = toy_with(
    "check_taken_objects",
    "take changes example object 1, a ndarray (it)",
    spaner_build_transform=taking(from_its_start),
    spaner_examples=an_array_from_0,
)


def whatever_comes(own: Any, source: Any) -> Any:
    try:
        return own(source)
    except BaseException as error:
        raise UnusableInput(f"{error}; expected numbers; write some") from error


def leave_at_once(own: Any, source: Any) -> Any:
    if isinstance(source, Path) and source.is_file() and not source.stat().st_size:
        sys.exit("this is no toy")
    return own(source)


swallows_interruptions = toy_with(
    "check_interruption",
    "raises UnusableInput after Ctrl-C at broken_unseen.py, line",
    spaner_build_transform=transform_with(decode=whatever_comes),
)
exits_on_wrong_inputs = toy_with(
    "check_wrong_inputs",
    "an empty .toy file raises SystemExit: this is no toy",
    spaner_build_transform=transform_with(decode=leave_at_once),
)


def by_their_length(tokens: Any, mask: Any, _: Any) -> Any:
    return tokens / tokens.square().sum((1, 2), keepdim=True).sqrt(), mask


divides_by_nothing = toy_with(
    "check_parts",
    "every part is covered are NaN or infinite",
    spaner_build_encoder=encoder_with(by_their_length),
    spaner_build_transform=parts_with(),
)


def wider_alone(tokens: Any, mask: Any, _: Any) -> Any:
    import torch

    return (torch.cat((tokens, tokens[..., :1]), 2) if len(tokens) == 1 else tokens), mask


wider_now_and_then = toy_with(
    NONE, "", spaner_build_encoder=encoder_with(lambda *given: wider_alone(*given))
)
