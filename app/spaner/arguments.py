"""Reads and checks what was asked, before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spaner_core.errors import ConfigError
from spaner_core.space.records import Same, Strength


def as_path(given: Path | str | None) -> Path | None:
    """Return a path that may be given as text."""
    return None if given is None else Path(given)


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
        if not 0 < rate < 1:  # so that NaN is refused too
            raise ConfigError(
                f"the {name} rate is {rate}; give a number above 0 and below 1, such as 0.05"
            )


def check_count(name: str, count: float) -> None:
    """Raise `ConfigError` unless a number is 1 or more."""
    if not count >= 1:  # so that NaN is refused too
        raise ConfigError(f"{name} is {count}; give a number from 1")


def check_shots(shots: Sequence[int]) -> None:
    """Raise `ConfigError` unless there are numbers of labelled rows, each 1 or more."""
    if not shots or min(shots) < 1:
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
