"""Lets whoever defends a project report what it reaches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spaner.arguments import path_of
from spaner.audit.doors import door
from spaner.controlled import ControlledProject

if TYPE_CHECKING:
    from spaner.report.check import ReportCheck
    from spaner.report.write import WrittenReport


class ReportedProject(ControlledProject):
    """A project whose figures can be written as one HTML file, and compared with one."""

    @door("measure")
    def report(
        self,
        output: str | Path,
        *,
        question: str | None = None,
        value_per_hit: float | None = None,
        split: str | None = None,
        overwrite: bool = False,
    ) -> WrittenReport:
        """Measure a split and write what was found as one HTML file.

        `question` is the report's title; `value_per_hit` is what a right first hit is worth.
        """
        from spaner.report.view import Asked
        from spaner.report.write import write_report

        asked = Asked(question=question, value_per_hit=value_per_hit)
        return write_report(self, path_of(output), asked, split=split, overwrite=overwrite)

    @door("measure")
    def check_report(self, path: str | Path) -> ReportCheck:
        """Measure again what a report says, and name each figure that no longer holds."""
        from spaner.report.check import check_report

        return check_report(self, path_of(path))
