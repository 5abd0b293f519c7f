"""Defines the options under `modalities: audio: encoder:`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spaner_core import read_options
from spaner_core.pretrained.locations import is_local

BUNDLE_PREFIX = "torchaudio:"
"""What a model's name starts with when it is one of torchaudio's pipelines."""

RATE_HZ = 16_000
"""`logmel` brings every recording to this rate."""

FRAME_SAMPLES = 400
"""Length of one spectral frame at `RATE_HZ`: 25 ms, also the shortest recording accepted."""

HOP_SAMPLES = 160
"""Distance between frames: 10 ms."""

MOST_TOKENS = 10_000
"""As many stretches as a recording of 100 seconds has frames."""

MOST_BANDS = 80
"""With many more, the lowest bands are narrower than the spectrum resolves and stay empty."""

LONGEST_WINDOW_S = 300.0
"""Attention over many more seconds would need more memory than machines have."""


@dataclass(frozen=True, kw_only=True)
class LogMelOptions:
    """Options of the builtin encoder `logmel`.

    It gives the log energies of `bands` mel bands: their mean, and how each of `tokens` equal
    stretches of the recording differs from it. Whatever lies more than `floor_db` below the
    loudest band and moment of a recording counts as silence.
    """

    model: str = "logmel"
    bands: int = 40
    tokens: int = 16
    floor_db: float = 60.0

    def __post_init__(self) -> None:
        if self.model != "logmel":
            raise ValueError(
                f"model is {self.model!r}; known: logmel, a folder such as ./my-model, a name on "
                f"the Hub such as owner/name, {BUNDLE_PREFIX}NAME; choose one"
            )
        if not 1 <= self.bands <= MOST_BANDS:
            raise ValueError(f"bands is {self.bands}; expected 1 to {MOST_BANDS}; 40 is usual")
        if not 1 <= self.tokens <= MOST_TOKENS:
            raise ValueError(f"tokens is {self.tokens}; expected 1 to {MOST_TOKENS}; 16 is usual")
        if not 0 < self.floor_db <= 100:
            raise ValueError(
                f"floor_db is {self.floor_db}; expected more than 0 and at most 100; 60 is usual"
            )


@dataclass(frozen=True, kw_only=True)
class TransformersOptions:
    """Options of an encoder from the transformers library.

    `model` is a folder or a name on the Hub, `adapter` a peft adapter trained on it;
    `trust_remote_code` runs code that comes with the model. Windows are `window_s` seconds long,
    one every `hop_s`; None leaves them to the model.
    """

    model: str
    adapter: str | None = None
    trust_remote_code: bool = False
    window_s: float | None = None
    hop_s: float | None = None

    def __post_init__(self) -> None:
        _check_seconds(window_s=self.window_s, hop_s=self.hop_s)


@dataclass(frozen=True, kw_only=True)
class BundleOptions:
    """Options of one of torchaudio's pipelines, `torchaudio:NAME`.

    `checkpoint` is a file with its weights, which are downloaded otherwise; windows as in
    `TransformersOptions`.
    """

    model: str
    checkpoint: str | None = None
    window_s: float | None = None
    hop_s: float | None = None

    def __post_init__(self) -> None:
        _check_seconds(window_s=self.window_s, hop_s=self.hop_s)


def _check_seconds(**given: float | None) -> None:
    for name, value in given.items():
        if value is not None and not 0 < value <= LONGEST_WINDOW_S:
            raise ValueError(
                f"{name} is {value}; expected seconds, more than 0 and at most "
                f"{LONGEST_WINDOW_S:g}; leave it out for the model's own"
            )


EncoderOptions = LogMelOptions | TransformersOptions | BundleOptions


def read_encoder_options(options: Mapping[str, object]) -> EncoderOptions:
    """Read the options that the chosen model has; raises `OptionError` on any other."""
    model = options.get("model")
    if isinstance(model, str) and model.startswith(BUNDLE_PREFIX):
        return read_options(BundleOptions, options)
    if isinstance(model, str) and ("/" in model or is_local(model)):
        return read_options(TransformersOptions, options)
    return read_options(LogMelOptions, options)
