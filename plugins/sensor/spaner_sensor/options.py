"""Defines the options under `modalities: sensor: encoder:`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from spaner_core import OptionError, read_options
from spaner_core.pretrained.locations import is_local

from spaner_sensor.reading.readings import LONGEST_SERIES

ROCKET = "rocket"

KERNEL_LENGTHS = (7, 9, 11)

MOST_KERNELS = 100_000
"""Ten times those of the paper; with many more, an encoder takes minutes to draw."""

MOST_SEEN_CHANNELS = 4_000_000
"""Kernels times channels: with many more, their weights fill an ordinary machine."""

LARGEST = 1e9
"""Most seconds of a window, and most steps a second: beyond them steps cannot be counted."""

MISSING_POLICIES = ("refuse", "interpolate")


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How files are read, whatever the model.

    `channels` are the columns to read, in the order of the model's channels; `units` says in which
    unit some of them are. `sample_rate_hz` is the rate at which the model wants them, and that of
    the files unless `time` names a column of times. `missing` says what becomes of cells without
    a value; nothing longer than `max_gap_s` is ever bridged.
    """

    channels: tuple[str, ...]
    sample_rate_hz: float
    units: Mapping[str, str] = field(default_factory=dict)
    time: str | None = None
    missing: str = "refuse"
    max_gap_s: float = 1.0

    def __post_init__(self) -> None:
        if not self.channels or len(set(self.channels)) < len(self.channels):
            raise ValueError(
                f"channels is {list(self.channels)}; expected one or more different column names; "
                "name each channel once"
            )
        check_positive(self, "sample_rate_hz", largest=LARGEST)
        check_positive(self, "max_gap_s")
        strangers = sorted(self.units.keys() - set(self.channels))
        if strangers:
            raise ValueError(
                f"units names {', '.join(strangers)}; expected names from channels "
                f"({', '.join(self.channels)}); correct the names"
            )
        if self.time in self.channels:
            raise ValueError(
                f"time is {self.time!r}, which is one of channels; expected the column that holds "
                "times; take it out of channels"
            )
        if self.missing not in MISSING_POLICIES:
            raise ValueError(
                f"missing is {self.missing!r}; expected {' or '.join(MISSING_POLICIES)}; choose one"
            )
        bridges = self.time is not None or self.missing != "refuse"
        if bridges and self.max_gap_s * self.sample_rate_hz < 1:
            raise ValueError(
                f"max_gap_s is {self.max_gap_s:g}, less than a step at {self.sample_rate_hz:g} Hz; "
                f"expected {1 / self.sample_rate_hz:g} or more; raise it"
            )

    @property
    def beyond_defaults(self) -> dict[str, object]:
        """Options that are set other than by default, `channels` and `sample_rate_hz` left out."""
        plain = ReadingOptions(channels=self.channels, sample_rate_hz=self.sample_rate_hz)
        named = {one.name: getattr(self, one.name) for one in dataclasses.fields(ReadingOptions)}
        return {name: value for name, value in named.items() if value != getattr(plain, name)}


@dataclass(frozen=True, kw_only=True)
class RocketSettings:
    """The options that decide features of `rocket`: its fingerprint covers exactly these."""

    model: str
    channels: tuple[str, ...]
    sample_rate_hz: float
    window_s: float
    hop_s: float
    kernels: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class RocketOptions(ReadingOptions):
    """Options of the builtin encoder `rocket`.

    It cuts a series into windows of `window_s` seconds that start every `hop_s` seconds, and
    passes each through `kernels` random convolutions drawn from `seed`.
    """

    model: str = ROCKET
    channels: tuple[str, ...] = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    sample_rate_hz: float = 10.0
    window_s: float = 5.0
    hop_s: float = 1.0
    kernels: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "window_s", "hop_s", largest=LARGEST)
        if self.window_steps > LONGEST_SERIES:
            raise ValueError(
                f"a window of {self.window_s} s at {self.sample_rate_hz} Hz has "
                f"{self.window_steps} steps; expected at most {LONGEST_SERIES}, as in the longest "
                "series that is read; lower window_s"
            )
        if self.window_steps < max(KERNEL_LENGTHS):
            raise ValueError(
                f"a window of {self.window_s} s at {self.sample_rate_hz} Hz has "
                f"{self.window_steps} steps; expected at least {max(KERNEL_LENGTHS)}; "
                "raise window_s"
            )
        check_hop(self.hop_s, steps=self.hop_steps, window_steps=self.window_steps)
        most = min(MOST_KERNELS, MOST_SEEN_CHANNELS // len(self.channels))
        if not 1 <= self.kernels <= most:
            raise ValueError(
                f"kernels is {self.kernels}, for {len(self.channels)} channels; expected 1 to "
                f"{most}; 500 is usual"
            )
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

    @property
    def settings(self) -> RocketSettings:
        """What decides features."""
        names = [one.name for one in dataclasses.fields(RocketSettings)]
        return RocketSettings(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class PretrainedOptions(ReadingOptions):
    """Options of an encoder from the transformers library.

    `model` is a folder or a Hub name, `adapter` a peft adapter on top of it. Windows are as long
    as the model says; `window_s` shortens them where the model takes less. They start every
    `hop_s` seconds, half a window unless it is set.
    """

    model: str
    adapter: str | None = None
    trust_remote_code: bool = False
    window_s: float | None = None
    hop_s: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in ("window_s", "hop_s") if getattr(self, name) is not None]
        check_positive(self, *given, largest=LARGEST)


def read_encoder_options(options: Mapping[str, object]) -> RocketOptions | PretrainedOptions:
    """Read `encoder:` options by the dataclass of the model that they name.

    Raises `OptionError`, also for an option that only models of the other kind have.
    """
    model = options.get("model", ROCKET)
    if model == ROCKET:
        _check_given(options, kind=RocketOptions, other=PretrainedOptions, model=model)
        return read_options(RocketOptions, options)
    if not (isinstance(model, str) and (is_local(model) or model.count("/") == 1)):
        problem = (
            f"model is {model!r}; expected {ROCKET}, a folder (./name) or a name on the Hub "
            "(owner/name); choose one"
        )
        raise OptionError([("model", problem)])
    _check_given(
        options, kind=PretrainedOptions, other=RocketOptions, model=model, needed=_SAID_BY_THE_USER
    )
    return read_options(PretrainedOptions, options)


_SAID_BY_THE_USER = {
    "channels": "the columns to read, in the order of the model's channels",
    "sample_rate_hz": "the rate of the series that the model was trained on",
}


def _check_given(
    options: Mapping[str, object],
    *,
    kind: type[ReadingOptions],
    other: type[ReadingOptions],
    model: object,
    needed: Mapping[str, str] | None = None,
) -> None:
    """Raise `OptionError` for options of the `other` kind of model, and for `needed` ones left out.

    Without it the first would only be unknown, and its nearest name a wrong hint.
    """
    known, others = ({one.name for one in dataclasses.fields(k)} for k in (kind, other))
    problems = [
        (
            name,
            f"{name} is no option of model {model!r}; expected some of "
            f"{', '.join(sorted(known))}; take it out",
        )
        for name in options
        if name in others - known
    ]
    problems += [
        (name, f"{name} is not given; expected {what}; the model's files do not say it: add it")
        for name, what in (needed or {}).items()
        if name not in options
    ]
    if problems:
        raise OptionError(problems, known=known)


def check_positive(options: object, *names: str, largest: float = sys.float_info.max) -> None:
    """Raise `ValueError` unless the named options are finite numbers above 0, up to `largest`."""
    for name in names:
        value = getattr(options, name)
        if not 0 < value <= largest:
            bound = "" if largest == sys.float_info.max else f", at most {largest:g}"
            raise ValueError(f"{name} is {value}; expected a number above 0{bound}; correct it")


def check_hop(hop_s: float, *, steps: int, window_steps: int) -> None:
    """Raise `ValueError` where windows would skip a step or never move on."""
    if not 1 <= steps <= window_steps:
        raise ValueError(
            f"hop_s is {hop_s}, which is {steps} steps; expected 1 to {window_steps}, so that no "
            "step is skipped; change hop_s"
        )
