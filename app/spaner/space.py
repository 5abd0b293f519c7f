"""Holds a trained space that finds its project's rows."""

from __future__ import annotations

from pathlib import Path

from spaner_core.errors import SpaceError
from spaner_core.space.space import Space as TrainedSpace

from spaner.arguments import as_path
from spaner.project import Project
from spaner.searchable import Searchable
from spaner.verify import Verification, verify


class Space(Searchable, TrainedSpace):
    """A trained space.

    `project` is what it was opened through, whose rows it finds and exports and whose policy binds;
    None where it was opened by its folder alone.
    """

    project: Project | None = None

    def verify(self, *, receipt: str | Path | None = None) -> Verification:
        """Compare every file of the space with its receipts, and with a copy kept elsewhere."""
        if self.folder is None:
            raise SpaceError("the space is not stored, so it has no receipts; save it first")
        return verify(self.folder, receipt=as_path(receipt))

    def _searched(self) -> Project:
        if self.project is None:
            raise SpaceError(
                f"{self.folder} was opened by its folder, which holds no rows to find or export; "
                "open the plugins.yaml that names them: spaner.load('plugins.yaml')"
            )
        return self.project
