"""Reads NumPy files: one array (steps, channels)."""

from __future__ import annotations

import mmap
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from spaner_core import Content, Source, UnusableInput, open_source

from spaner_sensor.options import ReadingOptions
from spaner_sensor.reading.readings import Readings, check_length, unreadable

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

EXPECTED = "a whole .npy file of one array of numbers, without Python objects"


def map_array(source: Source, options: ReadingOptions) -> NDArray[np.number]:
    """Map a file (steps, channels) without reading its numbers.

    Raises `UnusableInput` where it is cut off, holds Python objects, or has another shape.
    """
    try:
        array = _mapped(source)
    except Exception as error:  # a header is read as Python text, whose damage raises anything
        raise unreadable(error, expected=EXPECTED) from error
    return check_array(array, options)


def check_array(array: NDArray[Any], options: ReadingOptions) -> NDArray[np.number]:
    """Return an array (steps, channels); raises `UnusableInput` where it is none of numbers."""
    if options.time is not None:
        raise UnusableInput(
            f"an array has no column {options.time!r}, which the option `time` names; expected "
            "named columns, as in Parquet, CSV or a data frame; give one of these"
        )
    if array.dtype.kind not in "biuf":
        raise UnusableInput(
            f"the array is of dtype {array.dtype}; expected numbers; save it with astype('float32')"
        )
    count = len(options.channels)
    columns = array.reshape(-1, 1) if array.ndim == 1 and count == 1 else array
    if columns.ndim != 2 or columns.shape[1] != count:
        turned = columns.ndim == 2 and columns.shape[0] == count
        advice = "transpose it" if turned else "save it so, or set the option `channels`"
        raise UnusableInput(
            f"the array has shape {array.shape}; expected (steps, {count}), a column for each of "
            f"the channels {', '.join(options.channels)}; {advice}"
        )
    check_length(len(columns))
    return columns


def _mapped(source: Source) -> NDArray[np.generic]:
    with open_source(source) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:  # of arrays whose fields have names
            raise ValueError(f"format version {version[0]}.{version[1]}")
        shape, is_fortran, dtype = _HEADERS[version](file)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        if isinstance(source, Content):
            buffer: bytes | mmap.mmap = source.data
        else:
            buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        order: Literal["F", "C"] = "F" if is_fortran else "C"
        return np.ndarray(shape, dtype, buffer=buffer, offset=file.tell(), order=order)


def read_array(source: Source, options: ReadingOptions) -> Readings:
    """Read the channels. Raises `UnusableInput`."""
    return array_readings(map_array(source, options))


def array_readings(array: NDArray[np.number]) -> Readings:
    """Return an array (steps, channels) as readings, a copy."""
    return Readings(values=np.array(array.T, dtype=np.float64, order="C"))
