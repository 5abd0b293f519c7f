"""NumPy files: one array (steps, channels), its columns in the order of the channels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from spaner_core import UnusableInput

from spaner_sensor.options import ReadingOptions
from spaner_sensor.readings import Readings, check_length, unreadable

EXPECTED = "a whole .npy file of one array of numbers, without Python objects"


def map_array(path: Path, options: ReadingOptions) -> NDArray[np.number]:
    """Map a file (steps, channels) without reading its numbers.

    Raises `UnusableInput` where it is cut off, holds Python objects, or has another shape.
    """
    if options.time is not None:
        raise UnusableInput(
            f"a .npy file has no column {options.time!r}, which the option `time` names; expected "
            "named columns; save it as Parquet or CSV"
        )
    try:
        array = np.lib.format.open_memmap(os.fspath(path), mode="r")
    except Exception as error:  # a header is read as Python text, whose damage raises anything
        raise unreadable(error, expected=EXPECTED) from error
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


def read_array(path: Path, options: ReadingOptions) -> Readings:
    """Read the channels. Raises `UnusableInput`."""
    array = map_array(path, options)
    return Readings(values=np.ascontiguousarray(array.T, dtype=np.float64))
