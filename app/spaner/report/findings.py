"""Measures all that a report says and that needs no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from spaner_core.data.matches import NONE, Labels, number_rows
from spaner_core.errors import DataError, PluginError, SpaceError

from spaner.evaluation.embedded_rows import EmbeddedRows, embed_split
from spaner.evaluation.evaluate import Evaluation, measure_embedded
from spaner.policy.links import linked_for
from spaner.project import Project
from spaner.report.baseline import Baseline
from spaner.report.first_hits import FirstHits, Gain, Pair, first_hits, mean_over_pairs
from spaner.search.calibration_file import Calibration
from spaner.search.usable_calibration import usable_calibration


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What a space finds first of one sort, kinds or things, and what is found without it.

    `gain` is the difference over the pairs that both have.
    """

    ours: Mapping[Pair, FirstHits]
    plain: Mapping[Pair, FirstHits]
    mean: Gain | None
    plain_mean: Gain | None
    gain: Gain | None


@dataclass(kw_only=True)
class Findings:
    """All that was measured; `lacking` says what was not, and why.

    `figures` are those of `spaner evaluate`; None where nothing could be measured.
    """

    embedded: Mapping[str, EmbeddedRows] = field(default_factory=dict)
    labels: Mapping[str, Labels] = field(default_factory=dict)
    figures: Evaluation | None = None
    kinds: Compared | None = None
    things: Compared | None = None
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)

    def numbers(self, project: Project) -> dict[str, Any]:
        """Return every figure as JSON, in the form that is kept in the file."""
        space = project.space
        return {
            "prompt": space.fingerprint,
            "aligners": {name: space.vector_key(name).aligner for name in self.embedded},
            "split": self.figures.split if self.figures else None,
            "figures": dict(self.figures.figures) if self.figures else {},
            "kinds": _compared_numbers(self.kinds),
            "things": _compared_numbers(self.things),
            "rows": {name: len(part.rows) for name, part in self.embedded.items()},
        }


def measure(project: Project, split: str | None = None) -> Findings:
    """Measure a split of a project's space. What cannot be measured is said, not raised.

    Raises `SpaceError` where there is no space, and `DataError` for a split that no row has.
    """
    found = Findings()
    if split is not None and split not in project.manifest.splits:
        raise DataError(
            f"{project.manifest.path}: no row has split {split!r}; name another --split"
        )
    _ = project.space  # without one there is nothing to report
    try:
        found.embedded = embed_split(project, split)
        found.labels = {
            name: number_rows(part.rows, project.manifest) for name, part in found.embedded.items()
        }
        found.figures = measure_embedded(project, found.embedded, split)
    except DataError as error:
        found.lacking.append(f"Retrieval was not measured: {error}")
        return found
    _compare(project, found)
    _read_calibrations(project, found)
    return found


def _compare(project: Project, found: Findings) -> None:
    things = {name: _things(part) for name, part in found.embedded.items()}
    linked = linked_for(project.config, "measure")
    baseline = None
    try:
        baseline = Baseline(project, {name: part.rows for name, part in found.embedded.items()})
    except (AttributeError, DataError, PluginError, SpaceError) as error:
        found.lacking.append(f"The baseline without alignment was not measured: {error}")
    by_concept = found.figures is not None and not found.figures.by_item
    if by_concept:
        kinds = {name: part.embeddings for name, part in found.embedded.items()}
        ours = first_hits(kinds, found.labels, things, linked=linked)
        found.kinds = _beside(ours, baseline.kinds(things, linked=linked) if baseline else {})
    having = [name for name, own in found.labels.items() if (own.items > NONE).any()]
    if len(having) > 1:
        ours = first_hits(
            {name: found.embedded[name].of_things for name in having},
            {name: found.labels[name].by_item() for name in having},
            things,
            linked=linked,
        )
        found.things = _beside(ours, baseline.things(things, linked=linked) if baseline else {})


def _beside(ours: Mapping[Pair, FirstHits], plain: Mapping[Pair, FirstHits]) -> Compared:
    both = {pair: hits for pair, hits in ours.items() if pair in plain}
    return Compared(
        ours=ours,
        plain=plain,
        mean=mean_over_pairs(ours),
        plain_mean=mean_over_pairs(plain),
        gain=mean_over_pairs(both, plain),
    )


def _things(part: EmbeddedRows) -> list[str]:
    return [f"item {row.item}" if row.item is not None else f"row {row.id}" for row in part.rows]


def _read_calibrations(project: Project, found: Findings) -> None:
    known: dict[str, Calibration] = {}
    for source in found.embedded:
        targets = [name for name in found.embedded if name != source]
        calibration, notices = usable_calibration(project, source=source, targets=targets)
        if calibration is not None:
            known[source] = calibration
        found.lacking += [f"Readable scores: {notice}" for notice in notices]
    if not known:
        found.lacking.append(
            "Scores are not readable as probabilities: no calibration fits the space; make one "
            "with `spaner calibrate`"
        )
    found.calibrations = known


def _compared_numbers(compared: Compared | None) -> dict[str, Any] | None:
    if compared is None:
        return None
    return {
        "mean": _gain_numbers(compared.mean),
        "baseline": _gain_numbers(compared.plain_mean),
        "gain": _gain_numbers(compared.gain),
        "pairs": {
            " to ".join(pair): {
                "recall@1": hits.share,
                "interval": hits.interval(),
                "queries": len(hits.right),
                "baseline": compared.plain[pair].share if pair in compared.plain else None,
            }
            for pair, hits in compared.ours.items()
        },
    }


def _gain_numbers(gain: Gain | None) -> dict[str, float] | None:
    return None if gain is None else {"mean": gain.mean, "low": gain.low, "high": gain.high}


def ordered(names: Sequence[str]) -> list[Pair]:
    """Return every ordered pair of modalities."""
    return list(permutations(names, 2))
