"""Says which bounds new data passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spaner_core.errors import ConfigError, DataError

from spaner.monitoring.report import ModalityDrift

FALSE_ALARMS = 0.01
"""Share of reports on new data like the old that may find drift, where nobody says another."""

STRICTEST = 1e-4
"""The least such share: of fewer, permutations would take minutes."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How far new data may differ, None where that is not asked, and the false-alarm rate.

    `max_unfamiliar` and `max_no_match` bound shares of the new rows of every modality, the latter
    towards every other. Raises `ConfigError` for what is no share.
    """

    max_unfamiliar: float | None = None
    max_no_match: float | None = None
    false_alarms: float = FALSE_ALARMS

    def __post_init__(self) -> None:
        if not STRICTEST <= self.false_alarms < 1:  # so that NaN is refused too
            raise ConfigError(
                f"the false-alarm rate is {self.false_alarms}; give a number from {STRICTEST:g} "
                f"and below 1, such as {FALSE_ALARMS:g}"
            )
        for name in ("max_unfamiliar", "max_no_match"):
            bound = getattr(self, name)
            if bound is not None and not 0 <= bound <= 1:
                raise ConfigError(
                    f"the bound {name.replace('_', '-')} is {bound}; give a share of rows, 0 to 1, "
                    "such as 0.1"
                )


def passed_bounds(bounds: Bounds, found: Sequence[ModalityDrift]) -> tuple[str, ...]:
    """Name the bounds that are passed, and by what.

    Raises `DataError` where the share without match is bounded and known of nothing.
    """
    return tuple(_passed(bounds, found))


def _passed(bounds: Bounds, found: Sequence[ModalityDrift]) -> Iterator[str]:
    for one in found:
        if bounds.max_unfamiliar is not None and one.unfamiliar.new > bounds.max_unfamiliar:
            yield (
                f"{one.unfamiliar.new:.3f} of the rows of {one.modality!r} are unfamiliar, more "
                f"than {bounds.max_unfamiliar:g}"
            )
    if bounds.max_no_match is not None:
        yield from _unmatched(bounds.max_no_match, found)


def _unmatched(bound: float, found: Sequence[ModalityDrift]) -> Iterator[str]:
    shares = {
        f"{one.modality} → {part.target}": part.no_match.new
        for one in found
        for part in one.towards
        if part.no_match is not None
    }
    if not shares:
        raise DataError(
            "--max-no-match cannot be judged: the calibration has no threshold for any of these "
            "modalities; leave it out, or calibrate on more rows"
        )
    for pair, share in shares.items():
        if share > bound:
            yield f"{share:.3f} of the rows of {pair} are without a match, more than {bound:g}"
