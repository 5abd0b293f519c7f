"""Forgets rows, and finishes what a killed process began to forget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spaner_core.errors import DataError
from spaner_core.files.replacing import writing_alone

from spaner.audit.actions import Action
from spaner.audit.doors import logged
from spaner.audit.lines import commitment_to
from spaner.forgetting import places
from spaner.forgetting.journal import journal_path, read_journal, write_journal
from spaner.forgetting.meant import Meant, find_meant
from spaner.forgotten import remember_forgotten
from spaner.project import Project
from spaner.reports import Report
from spaner.seen_rows import trained_on


@dataclass(frozen=True, kw_only=True, repr=False)
class ForgetReport(Report):
    """What was forgotten: the rows of `ids`, those of the same bytes under other ids included.

    So much was removed: stored `features`, rows of the index, `references` of the calibration, and
    `readable` parts of the audit log. `lines` of the manifest and `files` still hold the rows, and
    are yours to remove. Aligners of `seen_by` were trained on one of them, those of `untold` do
    not say.
    """

    ids: tuple[str, ...]
    features: int
    indexed: int
    references: int
    readable: int
    manifest: Path
    lines: tuple[int, ...]
    files: tuple[str, ...]
    seen_by: tuple[str, ...]
    untold: tuple[str, ...]


def forget(project: Project, asked: Sequence[str]) -> ForgetReport:
    """Take the rows of these ids out of all that the project keeps, now and later.

    That is feature store, index, calibration, quarantine table, the audit log's readable part, and
    every later reading of the manifest. Killed at any moment, it is finished when the project is
    opened next. Raises `DataError` for an id that nothing has.
    """
    if not asked:
        raise DataError("no id was given; name the rows to forget by the ids that hits show")
    path = journal_path(project.config.space)
    meant = find_meant(project, asked)
    if not meant.contents:
        project.say(
            "their inputs are gone, so stored features of them cannot be told from others: remove "
            "their rows from the manifest, then `spaner extract --prune`"
        )
    with writing_alone(path):
        with logged(project, _action(project, meant), changes=True):
            write_journal(project.config.space, meant)
            report = _carry_out(project, meant)
        path.unlink(missing_ok=True)
    return report


def finish_forgetting(project: Project) -> None:
    """Finish what a killed process began to forget, or wait for one that is at it."""
    path = journal_path(project.config.space)
    try:
        with writing_alone(path):
            if not path.exists():
                return
            meant = read_journal(project.config.space)
            with logged(project, _action(project, meant), changes=True):
                _carry_out(project, meant)
            path.unlink()
    except OSError as error:
        raise DataError(
            f"{path}: forgetting was interrupted and cannot be finished ({error}); give rights or "
            "make room"
        ) from error
    project.say("forgetting, which was interrupted, is finished")


def _action(project: Project, meant: Meant) -> Action:
    """Bind the log to what was asked by the list's salt: who has an id can prove it is meant."""
    commitment = commitment_to({"forgotten": sorted(meant.asked)}, project.forgotten.salt)
    return Action("forget", counts={"rows": len(meant.ids)}, commitment=commitment)


def _carry_out(project: Project, meant: Meant) -> ForgetReport:
    manifest, space = project.config.data.manifest, project.config.space
    remember_forgotten(manifest, project.forgotten, ids=meant.ids, contents=meant.contents)
    project.read_anew()
    features = places.drop_features(project, meant)
    indexed = places.drop_indexed(project, meant)
    references = places.drop_references(project, meant)
    places.drop_traces(project)
    project.quarantine.save(project.whole_manifest)
    readable = places.drop_readable(project, meant)
    saw, untold = trained_on(space, meant.ids, meant.contents)
    return ForgetReport(
        ids=meant.ids,
        features=features,
        indexed=indexed,
        references=references,
        readable=readable,
        manifest=manifest,
        lines=meant.lines,
        files=meant.files,
        seen_by=tuple(saw),
        untold=tuple(untold),
    )
