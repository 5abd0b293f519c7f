"""Takes sound that people hold already: samples with their rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from spaner_core import UnusableInput
from torch import Tensor

from spaner_audio.reading.levels import Levels
from spaner_audio.reading.recordings import Waveform, check_finite, check_length

MOST_CHANNELS = 64
"""Channels of an array; one with more is none of sound."""

_FULL_SCALE = {torch.uint8: 2.0**7, torch.int16: 2.0**15, torch.int32: 2.0**31}


def take_waveform(value: object, *, shortest_s: float) -> Waveform | None:
    """Take (samples, sample_rate_hz), or a mapping of `array` and `sampling_rate` as of datasets.

    Samples are an array or tensor (T,), or of several channels, the shorter axis, which are
    averaged. None for what is no such pair. Raises `UnusableInput` as for a file.
    """
    if isinstance(value, Mapping) and {"array", "sampling_rate"} <= value.keys():
        value = (value["array"], value["sampling_rate"])
    if not (isinstance(value, tuple) and len(value) == 2):
        return None
    given, rate = value
    if not isinstance(given, np.ndarray | Tensor) or isinstance(rate, bool | str):
        return None
    rate_hz = _whole_rate(rate)
    channels = _channels(given)  # (T, channels)
    check_length(len(channels) / rate_hz, shortest_s=shortest_s)
    scaled = _scaled(channels, dtype=given.dtype)
    check_finite(scaled, start_s=0.0, rate_hz=rate_hz)
    average, levels = scaled.mean(dim=1), Levels()
    levels.add(scaled, average, floating=channels.is_floating_point())
    levels.check()
    levels.warn("the recording")
    return Waveform(samples=average, rate_hz=rate_hz)


def _whole_rate(rate: Any) -> int:
    try:
        rate_hz = int(rate)
        is_whole = rate_hz == rate and rate_hz > 0
    except (TypeError, ValueError, OverflowError):
        is_whole = False
    if not is_whole:
        raise UnusableInput(
            f"the sample rate is {rate!r}; expected a whole number above 0, in Hz; give it behind "
            "the samples"
        )
    return rate_hz


def _channels(given: np.ndarray[Any, Any] | Tensor) -> Tensor:
    """Return samples (T, channels), a copy."""
    try:
        array = np.array(given.detach().cpu().numpy() if isinstance(given, Tensor) else given)
        tensor = torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))
    except TypeError as error:  # of objects, texts, complex numbers
        raise _wrong_type(given.dtype) from error
    if tensor.ndim not in (1, 2) or (tensor.ndim == 2 and min(tensor.shape) > MOST_CHANNELS):
        raise UnusableInput(
            f"the samples have shape {tuple(tensor.shape)}; expected (time,), or (channels, time) "
            f"of at most {MOST_CHANNELS} channels; turn or cut the array"
        )
    if tensor.ndim == 1:
        return tensor.unsqueeze(1)
    return tensor.T if tensor.shape[0] < tensor.shape[1] else tensor


def _scaled(channels: Tensor, *, dtype: object) -> Tensor:
    """Return float32 samples, those of integers as shares of full scale."""
    if channels.is_floating_point():
        return channels.float()
    if (full := _FULL_SCALE.get(channels.dtype)) is None:
        raise _wrong_type(dtype)
    return (channels.float() - (full if channels.dtype == torch.uint8 else 0.0)) / full


def _wrong_type(dtype: object) -> UnusableInput:
    return UnusableInput(
        f"the samples are of dtype {dtype}; expected floating point of at most 1, or uint8, int16 "
        "or int32; convert them"
    )
