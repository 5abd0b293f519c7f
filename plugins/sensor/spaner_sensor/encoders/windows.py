"""Cuts a series into windows."""

from __future__ import annotations

from dataclasses import dataclass

from spaner_core import OptionError

from spaner_sensor.options import PretrainedOptions, RocketOptions, check_hop


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Windows of `steps`, one every `hop` steps.

    Readings beyond `largest` are refused: their squares, which some models sum, would be too much
    for float32.
    """

    steps: int
    hop: int
    largest: float | None = None


LARGEST_SQUARED = 1e12


def rocket_windows(options: RocketOptions) -> Windows:
    """Return the windows that the options of `rocket` ask for."""
    return Windows(steps=options.window_steps, hop=options.hop_steps)


def model_windows(options: PretrainedOptions, *, context: int, patch: int | None) -> Windows:
    """Return windows of `context` steps, or of the whole patches that `window_s` asks for.

    `patch` is None where the model takes nothing but `context` steps. Raises `OptionError`.
    """
    rate = options.sample_rate_hz
    steps = context if options.window_s is None else round(options.window_s * rate)
    fits = steps == context if patch is None else steps in range(patch, context + 1, patch)
    if not fits:
        lengths = f"{context} steps ({context / rate:g} s)"
        if patch is not None:
            lengths = f"a multiple of {patch} steps ({patch / rate:g} s), at most {lengths}"
        problem = (
            f"window_s is {options.window_s}, which is {steps} steps; model {options.model!r} "
            f"takes {lengths}; change window_s or leave it out"
        )
        raise OptionError([("window_s", problem)])
    hop = max(1, steps // 2) if options.hop_s is None else round(options.hop_s * rate)
    try:
        check_hop(options.hop_s or hop / rate, steps=hop, window_steps=steps)
    except ValueError as error:
        raise OptionError([("hop_s", str(error))]) from error
    return Windows(steps=steps, hop=hop, largest=LARGEST_SQUARED)
