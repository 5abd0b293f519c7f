"""Two channels in files, and the transform that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spaner_core import HeaderCheck

STEPS = 12
VALUES = np.round(np.sin(np.arange(STEPS)[:, None] * [0.4, 1.1]), 3)
OPTIONS: dict[str, object] = {"channels": ["a", "b"], "window_s": 1.1, "kernels": 5}
ROWS = [f"{one},{other}" for one, other in VALUES.tolist()]


class Reader:
    """The transform for two channels, and the options it was built with changed."""

    def __init__(self, sensor: Any) -> None:
        self._sensor = sensor

    def transform(self, **changed: object) -> Any:
        return self._sensor.build({**OPTIONS, **changed})[1]

    def read(self, path: Path, **changed: object) -> NDArray[np.float32]:
        """Return (steps, channels), after the header was checked too."""
        transform = self.transform(**changed)
        assert isinstance(transform, HeaderCheck)
        transform.check_header(path)
        values: NDArray[np.float32] = transform.decode(path).values.T.numpy()
        return values


def write(path: Path, header: str, rows: Sequence[str] = ROWS, *, encoding: str = "utf-8") -> Path:
    path.write_bytes("\n".join([header, *rows, ""]).encode(encoding))
    return path
