"""What a user may set under `modalities: sensor: encoder:`."""

from __future__ import annotations

import math
from dataclasses import dataclass

MODELS = ("rocket",)

KERNEL_LENGTHS = (7, 9, 11)


@dataclass(frozen=True, kw_only=True)
class EncoderOptions:
    """Options of the sensor encoder.

    `model` names the encoder. `rocket` cuts a series of the named `channels`, sampled at
    `sample_rate_hz`, into windows of `window_s` seconds that start every `hop_s` seconds, and
    passes each through `kernels` random convolutions drawn from `seed`.
    """

    model: str = "rocket"
    channels: tuple[str, ...] = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    sample_rate_hz: float = 10.0
    window_s: float = 5.0
    hop_s: float = 1.0
    kernels: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model is {self.model!r}; known: {', '.join(MODELS)}; choose one")
        if not self.channels or len(set(self.channels)) < len(self.channels):
            raise ValueError(
                f"channels is {list(self.channels)}; expected one or more different column names; "
                "name each channel once"
            )
        for name in ("sample_rate_hz", "window_s", "hop_s"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}; expected a number above 0; correct it")
        if self.window_steps < max(KERNEL_LENGTHS):
            raise ValueError(
                f"a window of {self.window_s} s at {self.sample_rate_hz} Hz has "
                f"{self.window_steps} steps; expected at least {max(KERNEL_LENGTHS)}; "
                "raise window_s"
            )
        if not 1 <= self.hop_steps <= self.window_steps:
            raise ValueError(
                f"hop_s is {self.hop_s}, which is {self.hop_steps} steps; expected 1 to "
                f"{self.window_steps}, so that no step is skipped; change hop_s"
            )
        if self.kernels < 1:
            raise ValueError(f"kernels is {self.kernels}; expected 1 or more; 500 is usual")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed is {self.seed}; expected 0 to {2**32 - 1}; 0 is usual")

    @property
    def window_steps(self) -> int:
        """Length of a window in steps of the series."""
        return round(self.window_s * self.sample_rate_hz)

    @property
    def hop_steps(self) -> int:
        """Steps from the start of one window to the next."""
        return round(self.hop_s * self.sample_rate_hz)
