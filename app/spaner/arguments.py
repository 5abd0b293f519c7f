"""Checks what was asked before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spaner_core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Propagation:
    """What to carry: labels of modality `source` to rows of `target`.

    `split` limits the target rows. With `check` those that have a concept are labelled too, as if
    they had none. A label below `min_confidence` is left out; `target_accuracy` has that threshold
    chosen on split validation instead. Of each concept the `k` nearest vote. Raises `ConfigError`
    for numbers out of range.
    """

    source: str
    target: str
    split: str | None = None
    check: bool = False
    min_confidence: float | None = None
    target_accuracy: float | None = None
    k: int = 10
    strength: float | None = None

    def __post_init__(self) -> None:
        if self.min_confidence is not None and self.target_accuracy is not None:
            raise ConfigError(
                "--min-confidence and --target-accuracy were both given: one is the threshold, the "
                "other chooses it; give one of them"
            )
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise ConfigError(f"--min-confidence is {self.min_confidence}; give a number, 0 to 1")
        if self.target_accuracy is not None and not 0 < self.target_accuracy < 1:
            raise ConfigError(
                f"--target-accuracy is {self.target_accuracy}; give a number above 0 and below 1, "
                "such as 0.95"
            )


def check_several(names: Sequence[str]) -> None:
    """Raise `ConfigError` where one modality alone was named for what compares several."""
    if len(set(names)) == 1:
        raise ConfigError(
            f"only {names[0]!r} was named; expected at least two modalities, which are measured "
            "against one another; name another, or none for all"
        )


def check_targets(targets: Sequence[str]) -> list[str]:
    """Return `targets` without repetitions. Raises `ConfigError` where there are none."""
    if not targets:
        raise ConfigError("--to names no modality; give one or several, with commas")
    return list(dict.fromkeys(targets))


def check_false_accept_rate(rate: float) -> None:
    """Raise `ConfigError` unless a share lies above 0 and below 1."""
    if not 0 < rate < 1:  # so that NaN is refused too
        raise ConfigError(
            f"--false-accept is {rate}; give a number above 0 and below 1, such as 0.05"
        )


def check_shots(shots: Sequence[int], seeds: int = 1) -> None:
    """Raise `ConfigError` unless numbers of labelled rows and of seeds are 1 or more."""
    if not shots or min(shots) < 1 or seeds < 1:
        raise ConfigError(
            f"shots are {', '.join(map(str, shots)) or 'none'}, seeds are {seeds}; expected whole "
            "numbers from 1; give for example --shots 1,2,4 --seeds 5"
        )


def read_shots(given: str) -> tuple[int, ...]:
    """Read numbers of labelled rows, as `1,2,4`. Raises `ConfigError` where they are none."""
    try:
        shots = tuple(int(part) for part in given.split(","))
    except ValueError:
        raise ConfigError(
            f"shots are {given!r}; expected whole numbers with commas; give for example 1,2,4,8,16"
        ) from None
    check_shots(shots)
    return shots


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
