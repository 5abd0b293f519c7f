"""What the conformance kit tries this plugin on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray
from spaner_core import Examples

CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")


def write_examples(folder: Path) -> Examples:
    """Write three series of different lengths: two as CSV, one as Parquet."""
    for name, steps in (("short.csv", 50), ("long.csv", 95)):
        table = _swings(steps)
        np.savetxt(folder / name, table, delimiter=",", header=",".join(CHANNELS), comments="")
    columns = dict(zip(CHANNELS, _swings(63).T, strict=True))
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "middle.parquet")
    return Examples(
        inputs=[folder / name for name in ("short.csv", "long.csv", "middle.parquet")],
        changing={
            "channels": ["acc_x", "acc_y", "acc_z"],
            "sample_rate_hz": 8.0,
            "window_s": 4.0,
            "hop_s": 2.0,
            "kernels": 60,
            "seed": 1,
        },
        neutral={"model": "rocket"},  # there is no other yet
    )


def _swings(steps: int) -> NDArray[np.float64]:
    """Synthetic readings (steps, 6): swings whose pace depends on the length."""
    time, pace = np.arange(steps)[:, None], np.linspace(0.2, 2, len(CHANNELS)) * 50 / steps
    return np.asarray(np.sin(time * pace + np.arange(len(CHANNELS))), dtype=np.float64)
