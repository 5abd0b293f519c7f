"""Writes examples for the conformance kit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray
from spaner_core import Examples

CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")

READING = {"units": {"acc_x": "g"}, "time": "t", "missing": "interpolate", "max_gap_s": 2.0}
"""Options of reading, with values other than the defaults."""


def write_examples(folder: Path) -> Examples:
    """Write series of different lengths, one in each format."""
    for name, delimiter, steps in (("short.csv", ",", 50), ("long.tsv", "\t", 95)):
        header, path = delimiter.join(CHANNELS), folder / name
        np.savetxt(path, _swings(steps), delimiter=delimiter, header=header, comments="")
    np.save(folder / "array.npy", _swings(70))
    columns = dict(zip(CHANNELS, _swings(63).T, strict=True))
    table = pyarrow.table(columns)
    pyarrow.parquet.write_table(table, folder / "middle.parquet")
    return Examples(
        inputs=[folder / name for name in ("short.csv", "long.tsv", "array.npy", "middle.parquet")],
        objects=[_swings(50), (_swings(63), CHANNELS), columns, table],
        changing={
            "channels": ["acc_x", "acc_y", "acc_z"],
            "sample_rate_hz": 8.0,
            "window_s": 4.0,
            "hop_s": 2.0,
            "kernels": 60,
            "seed": 1,
            **READING,
        },
        neutral={"model": "rocket"},  # the others are files, of which there are none here
    )


def _swings(steps: int) -> NDArray[np.float64]:
    """Synthetic readings (steps, 6): swings whose pace depends on the length."""
    time, pace = np.arange(steps)[:, None], np.linspace(0.2, 2, len(CHANNELS)) * 50 / steps
    return np.asarray(np.sin(time * pace + np.arange(len(CHANNELS))), dtype=np.float64)
