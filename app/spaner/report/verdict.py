"""Says in one sentence whether it works, and what would change that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from spaner.report.findings import Compared, Findings
from spaner.report.first_hits import FirstHits, Gain, Pair

GOOD, FAIR = 0.8, 0.5
"""Where the lower end of recall@1's interval lies for a pair that works well, or fairly."""

Grade = Literal["good", "fair", "weak"]
ARROW = " → "


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer in a word and a sentence, and what would change it."""

    word: str
    sentence: str
    changes: tuple[str, ...]


def grade(hits: FirstHits) -> Grade | None:
    """Grade a pair by what recall@1 is at least; None where no query can be answered."""
    interval = hits.interval()
    if interval is None:
        return None
    return "good" if interval[0] >= GOOD else "fair" if interval[0] >= FAIR else "weak"


def per_cent(share: float) -> str:
    """Show a share, as `91.2%`."""
    return f"{share:.1%}"


def points(gain: Gain) -> str:
    """Show a difference in percentage points with its interval."""
    low, high = (f"{100 * end:+.1f}" for end in (gain.low, gain.high))
    return f"{100 * gain.mean:+.1f} points (95%: {low} to {high})"


def ranked_pairs(found: Findings) -> list[tuple[Pair, FirstHits]]:
    """Return the pairs that were measured, the weakest first."""
    compared = found.kinds or found.things
    measured = [
        (p, hits) for p, hits in (compared.ours if compared else {}).items() if len(hits.right)
    ]
    return sorted(measured, key=lambda one: (one[1].share or 0, one[0]))


def judge(found: Findings) -> Verdict:
    """Judge what was found."""
    pairs, compared = ranked_pairs(found), found.kinds or found.things
    if not pairs or compared is None or compared.mean is None:
        return Verdict(
            word="Cannot be said",
            sentence="Nothing could be measured; the sections below say why.",
            changes=tuple(found.lacking),
        )
    grades = [grade(hits) for _, hits in pairs]
    good, fair = grades.count("good"), grades.count("fair")
    works = "Yes" if good == len(pairs) else "Partly" if good + fair else "No"
    what = "the same kind" if compared is found.kinds else "the very same thing"
    sentence = (
        f"A query finds {what} first in {per_cent(compared.mean.mean)} of cases, as a mean over "
        f"{len(pairs)} directions: {good} work well, {fair} fairly, "
        f"{len(pairs) - good - fair} weakly. {_beside_plain(compared)}"
    )
    return Verdict(word=works, sentence=sentence, changes=tuple(_changes(found, compared)))


def _beside_plain(compared: Compared) -> str:
    if compared.gain is None:
        return "There is no baseline to compare it with."
    difference = points(compared.gain)
    if compared.gain.low > 0:
        return f"That is better than without alignment: {difference}."
    if compared.gain.high < 0:
        return f"That is worse than without alignment: {difference}."
    return f"That cannot be told from the baseline without alignment: {difference}."


def _changes(found: Findings, compared: Compared) -> Iterator[str]:
    (source, target), hits = ranked_pairs(found)[0]
    low, high = hits.interval() or (0.0, 1.0)
    yield (
        f"The weakest direction is {source}{ARROW}{target}: {per_cent(hits.share or 0)} (95%: "
        f"{per_cent(low)} to {per_cent(high)}) of {len(hits.right)} queries. More labelled "
        f"rows of {source} and {target}, or a better encoder for one of them, would change it "
        "first; `spaner few-shot` says whether more labels help."
    )
    if compared.gain is not None and compared.gain.low <= 0 <= compared.gain.high:
        yield (
            "More test rows: whether alignment gains over the baseline cannot be told from these."
        )
    if compared.gain is not None and compared.gain.high < 0:
        yield "In finding kinds a classifier of each modality does as well here or better."
    if not found.calibrations:
        yield "A calibration: without one, searches cannot answer that nothing fits."
    yield (
        "Other data: the figures hold for rows drawn like the measured ones, not for new machines, "
        "people or places."
    )
