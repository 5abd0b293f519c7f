"""What a user may set under `modalities: audio: encoder:`."""

from __future__ import annotations

from dataclasses import dataclass

MODELS = ("logmel",)

RATE_HZ = 16_000
"""Every recording is brought to this rate."""

FRAME_SAMPLES = 400
"""Length of one spectral frame at `RATE_HZ`: 25 ms, also the shortest recording accepted."""

HOP_SAMPLES = 160
"""Distance between frames: 10 ms."""

MOST_BANDS = 80
"""With many more, the lowest bands are narrower than the spectrum resolves and stay empty."""


@dataclass(frozen=True, kw_only=True)
class EncoderOptions:
    """Options of the audio encoder.

    `model` names the encoder. `logmel` gives the log energies of `bands` mel bands: their mean,
    and how each of `tokens` equal stretches of the recording differs from it. Whatever lies more
    than `floor_db` below the loudest band and moment of a recording counts as silence.
    """

    model: str = "logmel"
    bands: int = 40
    tokens: int = 16
    floor_db: float = 60.0

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model is {self.model!r}; known: {', '.join(MODELS)}; choose one")
        if not 1 <= self.bands <= MOST_BANDS:
            raise ValueError(f"bands is {self.bands}; expected 1 to {MOST_BANDS}; 40 is usual")
        if self.tokens < 1:
            raise ValueError(
                f"tokens is {self.tokens}; expected a whole number from 1; 16 is usual"
            )
        if not 0 < self.floor_db <= 100:
            raise ValueError(
                f"floor_db is {self.floor_db}; expected more than 0 and at most 100; 60 is usual"
            )
