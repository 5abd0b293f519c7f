"""Writes the report of a project to a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spaner_core.files.atomic import written_at_end

from spaner.output_paths import check_output_file
from spaner.policy.links import check_measured
from spaner.project import Project
from spaner.report.findings import measure
from spaner.report.html import render
from spaner.report.view import Asked, view_of
from spaner.reports import Audited, Report


@dataclass(frozen=True, kw_only=True, repr=False)
class WrittenReport(Report):
    """The verdict of a report, its figures as they stand in the file, and where that is."""

    path: Path
    word: str
    sentence: str
    numbers: Mapping[str, Any]
    lacking: tuple[str, ...]

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited(self.numbers["rows"], self.numbers["rows"])


def write_report(
    project: Project, output: Path, asked: Asked, *, split: str | None = None, overwrite: bool
) -> WrittenReport:
    """Measure a split and write what was found as one HTML file, whole or not at all.

    What cannot be measured is named in the report. Raises before any work as `check_output_file`,
    `NotPermitted` where the policy lets nothing be measured, and as `measure`.
    """
    check_output_file(project, output, flag="--output", overwrite=overwrite, suffix=".html")
    check_measured(project.config, project.config.modalities)
    found = measure(project, split)
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    view = view_of(project, found, asked, made=now)
    numbers = {"format_version": 1, "made": now, **found.numbers(project)}
    page = render(view, numbers)
    with written_at_end(output) as partial:
        partial.write_text(page, encoding="utf-8", errors="replace")
    verdict = view["verdict"]
    return WrittenReport(
        path=output,
        word=verdict.word,
        sentence=verdict.sentence,
        numbers=numbers,
        lacking=tuple(found.lacking),
    )
