"""Holds what a search has found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, overload

from spaner.reports import Report


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One row that was found; `score` is the cosine with the query, -1 to 1.

    `exact` says that the query spells its id or its file's name. Scores of different modalities do
    not compare: each has a level of its own.
    """

    rank: int
    score: float
    id: str
    modality: str
    input: str
    concept: str | None
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class CalibratedHit(Hit):
    """A hit where the space is calibrated.

    `probability`, 0 to 1, says how probably it is relevant, and `match` whether its score reaches
    its pair's no-match threshold; None where that pair's calibration lacks it.
    """

    probability: float | None = None
    match: bool | None = None


@dataclass(frozen=True, repr=False)
class Hits(Report, Sequence[Hit]):
    """The hits of a search, the likeliest first.

    `false_accept_rate` is that of the calibration behind their probabilities, None without one.
    """

    found: tuple[Hit, ...]
    false_accept_rate: float | None = None

    def __len__(self) -> int:
        return len(self.found)

    @overload
    def __getitem__(self, place: int) -> Hit: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Hit]: ...

    def __getitem__(self, place: int | slice) -> Hit | Sequence[Hit]:
        return self.found[place]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.found)

    def __repr__(self) -> str:
        lines = [_line(hit) for hit in self.found]
        return "\n".join(["Hits: no match" if self.no_match else f"Hits: {len(self)}", *lines])

    @property
    def no_match(self) -> bool:
        """Whether the answer is "no match": every hit stays below its pair's threshold."""
        return bool(self.found) and all(
            isinstance(hit, CalibratedHit) and hit.match is False for hit in self.found
        )

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return each hit as `spaner search --json` shows it."""
        return [asdict(hit) for hit in self.found]


def _line(hit: Hit) -> str:
    sure = getattr(hit, "probability", None)
    likely = "" if sure is None else f"  p={sure:.2f}"
    mark = "  exact" if hit.exact else ""
    return (
        f"{hit.rank:>4}  {hit.score:+.3f}{likely}  {hit.modality}  {hit.id}  "
        f"{hit.concept or '-'}  {hit.input}{mark}"
    )
