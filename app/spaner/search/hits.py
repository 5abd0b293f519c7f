"""Holds what a search has found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, overload

from spaner.reports import Audited, Report

if TYPE_CHECKING:
    from spaner.search.calibration_file import Calibration
    from spaner.search.judged_query import Judgement


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
    its pair's no-match threshold; None where that pair's calibration lacks it, and where the query
    is unfamiliar.
    """

    probability: float | None = None
    match: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is said of a query itself.

    `familiarity`, above 0 and at most 1, says how probably an input like the known ones would be as
    strange; `unfamiliar` whether that is so little that its hits are not judged; `unknown_kind`
    whether it is not told from queries of kinds that nothing knows, None where nobody asked.
    """

    familiarity: float
    unfamiliar: bool
    unknown_kind: bool | None

    @classmethod
    def of(cls, judgement: Judgement | None, calibration: Calibration | None) -> Verdict | None:
        """Take the calibration's false-accept rate for kinds, where it is about these."""
        if judgement is None:
            return None
        unknown = None
        if judgement.kind is not None and calibration and calibration.same == "kind":
            unknown = judgement.kind > calibration.false_accept_rate
        return cls(
            familiarity=round(judgement.familiarity, 4),
            unfamiliar=judgement.unfamiliar,
            unknown_kind=unknown,
        )


@dataclass(frozen=True, repr=False)
class Hits(Report, Sequence[Hit]):
    """The hits of a search, the likeliest first.

    `false_accept_rate` is that of the calibration behind their probabilities, None without one;
    `verdict` is what is said of the query, None where nothing is.
    """

    found: tuple[Hit, ...]
    false_accept_rate: float | None = None
    verdict: Verdict | None = None

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

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited(
            {"hits": len(self)}, {hit.modality for hit in self}, [hit.id for hit in self]
        )

    def __repr__(self) -> str:
        said = "no match" if self.no_match else str(len(self))
        if self.verdict and self.unfamiliar:
            said += f", unfamiliar query (p={self.verdict.familiarity:.3f})"
        return "\n".join([f"Hits: {said}", *map(_line, self.found)])

    @property
    def unfamiliar(self) -> bool:
        """Whether the query is unlike all that the calibration knows, so that no hit is judged."""
        return self.verdict is not None and self.verdict.unfamiliar

    @property
    def no_match(self) -> bool:
        """Whether the answer is "no match": every hit stays below its pair's threshold."""
        return bool(self.found) and all(
            isinstance(hit, CalibratedHit) and hit.match is False for hit in self.found
        )

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return each hit as `spaner search --json` shows it, with what is said of the query."""
        query = asdict(self.verdict) if self.verdict else {}
        return [asdict(hit) | query for hit in self.found]


def _line(hit: Hit) -> str:
    sure = getattr(hit, "probability", None)
    likely = "" if sure is None else f"  p={sure:.2f}"
    mark = "  exact" if hit.exact else ""
    return (
        f"{hit.rank:>4}  {hit.score:+.3f}{likely}  {hit.modality}  {hit.id}  "
        f"{hit.concept or '-'}  {hit.input}{mark}"
    )
