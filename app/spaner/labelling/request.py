"""Says which labels to carry, and how sure they must be."""

from __future__ import annotations

from dataclasses import dataclass

from spaner_core.errors import ConfigError

from spaner.arguments import check_count


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
        check_count("k", self.k)
        if self.min_confidence is not None and self.target_accuracy is not None:
            raise ConfigError(
                "min_confidence and target_accuracy were both given: one is the threshold, the "
                "other chooses it; give one of them"
            )
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise ConfigError(f"min_confidence is {self.min_confidence}; give a number, 0 to 1")
        if self.target_accuracy is not None and not 0 < self.target_accuracy < 1:
            raise ConfigError(
                f"target_accuracy is {self.target_accuracy}; give a number above 0 and below 1, "
                "such as 0.95"
            )
