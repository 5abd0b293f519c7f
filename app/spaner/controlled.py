"""Lets whoever answers for a project stay in control of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaner_registry.config.settings import Config

from spaner.arguments import as_path, path_of
from spaner.audit.doors import door
from spaner.project import Project
from spaner.space_files import FORGETTING, beside

if TYPE_CHECKING:
    from spaner.audit.show import AuditReport
    from spaner.audit.verify import AuditCheck
    from spaner.forgetting.forget import ForgetReport
    from spaner.monitoring.report import DriftReport
    from spaner.verify import Verification


class ControlledProject(Project):
    """A project whose space, audit log and new data can be looked after, and that forgets rows.

    Opening it finishes what a killed process began to forget.
    """

    def __init__(self, config: Config | Path | str, **given: Any) -> None:
        super().__init__(config, **given)
        if os.path.lexists(beside(self.config.space, FORGETTING)):  # not where no name can be
            from spaner.forgetting.forget import finish_forgetting

            finish_forgetting(self)

    def forget(self, *ids: str) -> ForgetReport:
        """Take rows out of all that the project keeps, now and when the manifest is read later."""
        from spaner.forgetting.forget import forget

        with self:
            return forget(self, ids)

    @door("measure")
    def monitor(
        self,
        new: str | Path,
        *names: str,
        max_unfamiliar: float | None = None,
        max_no_match: float | None = None,
        false_alarms: float = 0.01,
        output: str | Path | None = None,
        overwrite: bool = False,
    ) -> DriftReport:
        """Compare the rows of another manifest with those that the calibration was fitted on.

        The report names the bounds that they pass; `output` is a JSON to write it to.
        """
        from spaner.monitoring.bounds import Bounds
        from spaner.monitoring.monitor import monitor

        bounds = Bounds(
            max_unfamiliar=max_unfamiliar, max_no_match=max_no_match, false_alarms=false_alarms
        )
        return monitor(
            self, path_of(new), names, bounds=bounds, output=as_path(output), overwrite=overwrite
        )

    def audit(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        who: str | None = None,
        action: str | None = None,
        modality: str | None = None,
        last: int = 50,
    ) -> AuditReport:
        """Read the last lines of the audit log that meet all that is given."""
        from spaner.audit.show import Wanted, log_path, show_log

        wanted = Wanted(since=since, until=until, who=who, action=action, modality=modality)
        return show_log(log_path(self.config), wanted, last=last)

    def verify_audit(self, *, head: str | Path | None = None) -> AuditCheck:
        """Look for what was changed in the audit log; `head` is the file of one kept elsewhere."""
        from spaner.audit.show import log_path
        from spaner.audit.verify import read_head, verify_log

        kept = None if head is None else read_head(path_of(head))
        return verify_log(log_path(self.config), head=kept)

    def verify(self, *, receipt: str | Path | None = None) -> Verification:
        """Compare every file of the space with its receipts, and with a copy kept elsewhere."""
        from spaner.verify import verify

        return verify(self.config.space, receipt=as_path(receipt))
