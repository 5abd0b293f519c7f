"""Reads and checks what was asked, before anything heavy is imported."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from spaner_core.errors import ConfigError
from spaner_core.space.records import Same, Strength


def path_of(given: Path | str) -> Path:
    """Return a path that may be given as text. Raises `ConfigError` for what is none."""
    if not isinstance(given, str | os.PathLike):
        raise ConfigError(f"{given!r} was given for a path; give a text or a pathlib.Path")
    return Path(given)


def as_path(given: Path | str | None) -> Path | None:
    """Return a path, or None, as `path_of` does."""
    return None if given is None else path_of(given)


def as_list(name: str, given: Any, *, of: type[Real] | type[str] = str) -> list[Any]:
    """Return one text or number, or several, as several.

    Raises `ConfigError` where argument `name` was given something else.
    """
    if isinstance(given, of):
        return [given]
    several = list(given) if isinstance(given, Iterable) else [None]
    if not all(isinstance(one, of) for one in several):
        kind = "text" if of is str else "number"
        raise ConfigError(f"{name} is {given!r}; give a {kind}, or several in a list")
    return several


def one_strength(strength: float | None, same: Same | None) -> Strength | None:
    """Return the pull strength that is asked for. Raises `ConfigError` where it is twice."""
    if strength is not None and same is not None:
        raise ConfigError(
            f"--strength {strength:g} and --same {same} were both given: --same {same} stands for "
            "the strength that the space has for it; give one of them"
        )
    return strength if same is None else same


def check_several(names: Sequence[str]) -> None:
    """Raise `ConfigError` where one modality alone was named for what compares several."""
    if len(set(names)) == 1:
        raise ConfigError(
            f"only {names[0]!r} was named; expected at least two modalities, which are measured "
            "against one another; name another, or none for all"
        )


def check_rates(*, false_accept: float, unfamiliar: float) -> None:
    """Raise `ConfigError` unless shares lie above 0 and below 1."""
    for name, rate in (("false-accept", false_accept), ("unfamiliar", unfamiliar)):
        if not (isinstance(rate, Real) and 0 < rate < 1):  # so that NaN is refused too
            raise ConfigError(
                f"the {name} rate is {rate!r}; give a number above 0 and below 1, such as 0.05"
            )


def check_count(name: str, count: object) -> None:
    """Raise `ConfigError` unless argument `name` is a whole number, 1 or more."""
    if isinstance(count, bool) or not (isinstance(count, Integral) and int(count) >= 1):
        raise ConfigError(f"{name} is {count!r}; give a whole number from 1")


def check_seconds(seconds: float) -> None:
    """Raise `ConfigError` unless a time is 1 second or more."""
    if not (isinstance(seconds, Real) and seconds >= 1):  # so that NaN is refused too
        raise ConfigError(f"seconds is {seconds!r}; give a number from 1")


def check_shots(shots: Sequence[object]) -> None:
    """Raise `ConfigError` unless there are numbers of labelled rows, each 1 or more."""
    if not shots or not all(isinstance(one, Integral) and int(one) >= 1 for one in shots):
        raise ConfigError(
            f"shots are {', '.join(map(str, shots)) or 'none'}; expected whole numbers from 1; "
            "give for example 1,2,4"
        )


def check_measures_something(*, inputs: bool, training: bool) -> None:
    """Raise `ConfigError` where robustness is to measure neither inputs nor trainings."""
    if not (inputs or training):
        raise ConfigError(
            "neither inputs nor training were to be measured; leave out --no-inputs or "
            "--no-training"
        )


def check_suffix(path: Path | None, *, flag: str, suffix: str) -> None:
    """Raise `ConfigError` for the name of an output that does not end in `suffix`."""
    if path is not None and path.suffix.lower() != suffix:
        raise ConfigError(f"{flag} {path}: expected a file that ends in {suffix}; name one")


def check_sample(sample: str | None, source: str | None, split: str | None) -> None:
    """Raise `ConfigError` unless `--sample` comes with its modality, and without a split."""
    if (sample is None) != (source is None):
        raise ConfigError("--sample and --from go together: an input and its modality; give both")
    if sample is not None and split is not None:
        raise ConfigError("--sample looks at one input, --split at rows; give one of them")
