"""Says whether new data is like that which was calibrated on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from spaner_core.errors import DataError
from spaner_core.evaluation.drift import FEWEST
from spaner_core.files.atomic import written_at_end
from torch import Tensor

from spaner.index.embed import embed_rows
from spaner.monitoring.bounds import Bounds, passed_bounds
from spaner.monitoring.compare import Watched, compare
from spaner.monitoring.judges import Judges, find_judges
from spaner.monitoring.new_rows import new_features, read_new
from spaner.monitoring.report import DriftReport
from spaner.monitoring.seen_rows import see
from spaner.output_paths import check_output_file
from spaner.policy.links import may_look
from spaner.project import Project
from spaner.splits import TRAIN_SPLIT, split_rows
from spaner.usable_rows import UsableRows

NONE = Bounds()
"""Nothing is out of bounds."""


def monitor(
    project: Project,
    new: Path,
    names: Sequence[str] = (),
    *,
    bounds: Bounds = NONE,
    output: Path | None = None,
    overwrite: bool = False,
) -> DriftReport:
    """Compare the rows of the manifest `new` with those that the calibration was fitted on.

    Looks at the modalities `names`, by default all that `new` has rows of, and writes the report to
    `output`, a JSON, where one is named. Features of the new rows stay in the store; nothing else
    is written. Raises `DataError` where a modality has too few rows on either side, and as
    `check_output_file`, `read_new` and `find_judges`.
    """
    if output is not None:
        check_output_file(project, output, flag="--output", overwrite=overwrite, suffix=".json")
    manifest, wanted = read_new(project, new, names)
    judges = find_judges(project, wanted)
    held_out = {name: _held_out(project, name, judges) for name in judges.targets}
    watched = {}
    galleries = _galleries(project, judges)
    for name, old in held_out.items():
        usable, unusable = new_features(project, manifest, name)
        _check_enough(name, usable, where=str(manifest.path))
        _note_copies(project, name, usable, old)
        watched[name] = _watch(project, name, (usable, old), judges, galleries, unusable=unusable)
    found = compare(
        watched,
        judges.calibration,
        concepts={
            name: project.space.concepts
            for name in watched
            if may_look(project.config, name, purpose="measure")
        },
        rate=bounds.false_alarms,
    )
    tests = [test for one in found for _, test in one.tests]
    report = DriftReport(
        new=manifest.path,
        split=judges.calibration.split,
        false_alarms=bounds.false_alarms,
        tests=len(tests),
        drifted=any(test.drifted for test in tests),
        passed=passed_bounds(bounds, found),
        modalities=tuple(found),
    )
    _note_groups(project, watched)
    if output is not None:
        with written_at_end(output) as partial:
            partial.write_text(json.dumps(asdict(report), indent=2, default=str), encoding="utf-8")
        project.say(f"report written to {output}")
    return report


def _held_out(project: Project, name: str, judges: Judges) -> UsableRows:
    """Give the samples that the calibration was fitted on."""
    project.check_modality(name)
    split = judges.calibration.split
    usable = project.features(name, project.manifest.select(name, split).samples)
    _check_enough(name, usable, where=f"{project.manifest.path}, split {split!r}")
    return usable


def _check_enough(name: str, usable: UsableRows, *, where: str) -> None:
    if len(usable.rows) < FEWEST:
        raise DataError(
            f"{where}: {len(usable.rows)} rows of {name!r} can be used; expected at least "
            f"{FEWEST}, since of fewer no test tells drift from chance; give more, or name the "
            "modalities to look at behind the file"
        )


def _galleries(project: Project, judges: Judges) -> dict[str, Tensor]:
    """Embed the training rows of every modality that rows are matched with."""
    found = {}
    for name in dict.fromkeys(one for part in judges.targets.values() for one in part):
        project.check_modality(name)
        rows = split_rows(project.manifest, name, TRAIN_SPLIT).samples
        usable = project.features(name, rows)
        strengths = [judges.strength]
        found[name] = embed_rows(project, name, usable, strengths=strengths)[judges.strength]
    return found


def _watch(
    project: Project,
    name: str,
    rows: tuple[UsableRows, UsableRows],
    judges: Judges,
    galleries: Mapping[str, Tensor],
    *,
    unusable: int,
) -> Watched:
    new, held_out = (
        see(
            project,
            name,
            part,
            familiar=judges.familiar[name],
            galleries={target: galleries[target] for target in judges.targets[name]},
            strength=judges.strength,
            among_known=part is rows[1],
        )
        for part in rows
    )
    return Watched(
        new=new,
        held_out=held_out,
        familiar=judges.familiar[name],
        galleries={target: len(galleries[target]) for target in judges.targets[name]},
        unusable=unusable,
    )


def _note_copies(project: Project, name: str, new: UsableRows, held_out: UsableRows) -> None:
    """Say where new rows are no news."""
    copies = len(set(new.contents) & set(held_out.contents))
    if copies:
        project.say(
            f"{copies} of {len(new.rows)} new rows of {name!r} have the content of held-out rows: "
            "they are like these whatever else has changed; leave them out"
        )


def _note_groups(project: Project, watched: Mapping[str, Watched]) -> None:
    """Say where rows come in groups, such as those of one speaker."""
    names = [repr(n) for n, part in watched.items() if part.familiar.record.groups is not None]
    if names:
        column = project.config.calibration.group_by
        project.say(
            f"rows of one {column!r} are alike, and the tests of features, scores and concepts of "
            f"{', '.join(names)} take every row for a draw of its own: rows of another {column!r} "
            "may count as drift"
        )
