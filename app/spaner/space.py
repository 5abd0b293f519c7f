"""Holds a trained space that finds its project's rows."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from spaner_core.errors import SpaceError
from spaner_core.space.embeddings import similarity
from spaner_core.space.encode import Embeddings
from spaner_core.space.space import Space as TrainedSpace

from spaner.arguments import as_path
from spaner.audit.actions import Action, acting
from spaner.policy.links import check_links
from spaner.policy.origins import Origins, unknown_origin
from spaner.project import Project
from spaner.searchable import Searchable
from spaner.verify import Verification, verify


class Space(Searchable, TrainedSpace):
    """A trained space.

    `project` is what it was opened through, whose rows it finds and exports and whose policy binds;
    None where it was opened by its folder alone.
    """

    project: Project | None = None

    def similarity(self, first: ArrayLike, second: ArrayLike) -> NDArray[np.float32]:
        """Return the cosine, -1 to 1, of every row of `first` (n, D) with every one of `second`.

        Rows (m, D) give (n, m); an array (D,) is one row, and its axis is left out of the answer.
        Rows need not be of unit length; a row of zeros has cosine 0 with all. Raises `DataError`
        where arrays have other axes, or D differs, and `ConfigError` where `policy.links` does not
        let the modality of `first` find that of `second`, or the space cannot tell which these are:
        it knows what `encode` and `embed` gave, their slices and tensors of them, and no copies.
        """
        if not self._is_bound:
            return similarity(first, second)
        assert self.project is not None
        config = self.project.config
        action = Action("similarity", "search")
        with acting(config, action):
            source, target = self._origins.of(first), self._origins.of(second)
            if source is not None and target is not None:
                check_links(config, source, [target])
            elif config.policy.links is not None:
                raise unknown_origin()
            found = similarity(first, second)
            action.counts = {"scores": found.size}
        return found

    @property
    def _is_bound(self) -> bool:
        """Whether a policy says what may be compared, or that it is to be logged."""
        if self.project is None:
            return False
        policy = self.project.config.policy
        return policy.links is not None or policy.audit_log is not None

    def _given(self, modality: str, embeddings: Embeddings) -> None:
        if self._is_bound:
            self._origins.note(modality, embeddings)

    @cached_property
    def _origins(self) -> Origins:
        return Origins()

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
