"""Prepares sound as a model's own feature extractor does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from spaner_core import OptionError
from torch import Tensor

from spaner_audio.options import BundleOptions, TransformersOptions

USUAL_WINDOW_S = 30.0
"""Length of a window where the model has none of its own."""


class Window(NamedTuple):
    """One prepared window: `values` as the model takes them, of `samples` samples of sound."""

    values: Tensor
    samples: int


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What stands between a recording and a model.

    The model hears `rate_hz` samples a second, `shortest` samples at least and, where it pads all
    input to one length, `longest` at most. `values` makes its input from up to as many samples
    (T,); `settings` are JSON values that decide what that gives.
    """

    rate_hz: int
    shortest: int
    longest: int | None
    settings: Mapping[str, Any]
    values: Callable[[Tensor], Tensor]


class WindowSize(NamedTuple):
    """Length of a window and distance between windows, in samples."""

    length: int
    hop: int


def window_size(
    options: TransformersOptions | BundleOptions, preparation: Preparation
) -> WindowSize:
    """Return the windows that the options ask for; by default the model's own, half overlapping.

    Raises `OptionError` where the model cannot take them or where sound between them would be left
    out.
    """
    rate_hz, shortest, longest = preparation.rate_hz, preparation.shortest, preparation.longest
    own = longest if longest is not None else round(USUAL_WINDOW_S * rate_hz)
    length = own if options.window_s is None else round(options.window_s * rate_hz)
    hop = max(1, length // 2) if options.hop_s is None else round(options.hop_s * rate_hz)
    if longest is not None and length > longest:
        raise _refusal(
            "window_s", options.window_s, f"at most the model's own {longest / rate_hz:g}"
        )
    if length < shortest:
        raise _refusal(
            "window_s", options.window_s, f"at least the model's shortest {shortest / rate_hz:g}"
        )
    if not 1 <= hop <= length:
        raise _refusal(
            "hop_s", options.hop_s, f"more than 0 and at most the window's {length / rate_hz:g}"
        )
    return WindowSize(length=length, hop=hop)


def _refusal(name: str, value: float | None, expected: str) -> OptionError:
    message = f"{name} is {value}; expected {expected} seconds; correct it or leave it out"
    return OptionError([(name, message)])
