"""Resamples sound from one rate to another."""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor
from torchaudio.functional import resample

MOST_FILTER_VALUES = 2**26
"""torchaudio keeps a filter for each phase; above this their table no longer fits in memory."""

FINEST_STEP = 1000
"""What an awkward ratio of rates is rounded to then: less than one part in a million is lost."""

PART_SAMPLES = 2**22
"""What is resampled at a time in parts: torchaudio needs some ten times the memory of its input."""


def at_rate(samples: Tensor, rate_hz: int, *, target_hz: int) -> Tensor:
    """Resample (T,) from `rate_hz` to `target_hz`.

    Exact between all rates in use. Between rates that share hardly a factor, such as 11,127 and
    16,000 Hz, the ratio is rounded.
    """
    old, new = _ratio(rate_hz, target_hz)
    resampled: Tensor = resample(samples, old, new)
    return resampled


def at_rate_in_parts(samples: Tensor, rate_hz: int, *, target_hz: int) -> Tensor:
    """Resample (T,) as `at_rate` does, but for the order of sums, in less memory."""
    old, new = _ratio(rate_hz, target_hz)
    if old == new or len(samples) <= PART_SAMPLES:
        return at_rate(samples, rate_hz, target_hz=target_hz)
    # `old` samples become `new`: parts are whole periods of these, heard with what the filter
    # reaches of those around them
    periods, reach = max(1, PART_SAMPLES // old), 2 + math.ceil(8 / min(old, new))
    parts = []
    for start in range(0, math.ceil(len(samples) / old), periods):
        before = min(start, reach)
        heard = samples[(start - before) * old : (start + periods + reach) * old]
        parts.append(resample(heard, old, new)[before * new : (before + periods) * new])
    return torch.cat(parts)


def _ratio(rate_hz: int, target_hz: int) -> tuple[int, int]:
    ratio = Fraction(rate_hz, target_hz)
    if ratio.numerator * ratio.denominator > MOST_FILTER_VALUES:
        ratio = ratio.limit_denominator(max(1, FINEST_STEP * target_hz // max(rate_hz, target_hz)))
    return ratio.numerator, ratio.denominator
