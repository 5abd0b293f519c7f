"""Takes series from data frames and from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spaner_core import UnusableInput
from torch import Tensor

from spaner_sensor.options import ReadingOptions
from spaner_sensor.reading.arrays import array_readings, check_array
from spaner_sensor.reading.arrow_files import take_table
from spaner_sensor.reading.readings import Readings


def take_readings(value: object, options: ReadingOptions) -> Readings | None:
    """Take readings of the channels that `options` name; None for what is no series.

    A series is a data frame (pandas, polars, Arrow), a mapping of names to columns, or an array or
    tensor (steps, channels): alone, its columns in the order of the channels, or a pair with the
    columns' names or with its rate in Hz. Raises `UnusableInput` as for a file.
    """
    if hasattr(value, "__arrow_c_stream__"):
        return take_table(value, options)
    if isinstance(value, Mapping):
        return take_table({str(name): _column(column) for name, column in value.items()}, options)
    if isinstance(value, tuple) and len(value) == 2 and _is_array(value[0]):
        value, beside = value
        if isinstance(beside, Sequence) and all(isinstance(name, str) for name in beside):
            return take_table(_named(_array(value), beside), options)
        _check_rate(beside, options)
    if not _is_array(value):
        return None
    array = _array(value)
    if array.dtype.names is not None:
        return take_table({name: array[name] for name in array.dtype.names}, options)
    return array_readings(check_array(array, options))


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray | Tensor)


def _array(value: Any) -> NDArray[Any]:
    try:
        return np.asarray(value.detach().cpu().numpy() if isinstance(value, Tensor) else value)
    except TypeError as error:  # of bfloat16
        raise UnusableInput(
            f"the tensor is of dtype {value.dtype}; expected one that NumPy has; convert it with "
            ".float()"
        ) from error


def _column(value: Any) -> Any:
    return _array(value) if _is_array(value) else value


def _named(array: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    if array.ndim != 2 or array.shape[1] != len(names) or len(set(names)) < len(names):
        raise UnusableInput(
            f"the array has shape {array.shape} and {len(names)} names; expected (steps, "
            f"{len(names)}) and names that differ; turn the array, or name each of its columns"
        )
    return dict(zip(names, array.T, strict=True))


def _check_rate(rate: object, options: ReadingOptions) -> None:
    if rate != options.sample_rate_hz:
        raise UnusableInput(
            f"beside the array stands {rate!r}; expected the names of its columns, or the rate "
            f"{options.sample_rate_hz:g} Hz, as the option `sample_rate_hz` says; resample it"
        )
