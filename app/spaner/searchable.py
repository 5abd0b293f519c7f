"""Finds and exports rows, from a project as from its space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaner_core.space.records import Strength

from spaner.audit.doors import door

if TYPE_CHECKING:
    from spaner.export import ExportReport
    from spaner.project import Project
    from spaner.search.explanation import Explanation
    from spaner.search.hits import Hit, Hits

Names = str | Sequence[str]
"""One name, or several."""


class Searchable(ABC):
    """What has rows that can be found: a project, or a space that was opened through one."""

    @abstractmethod
    def _searched(self) -> Project:
        """Return the project whose rows are found."""

    @door("search")
    def search(
        self,
        query: Any = None,
        *,
        source: Names = (),
        targets: Names,
        without: Any = None,
        weights: Sequence[float] = (),
        like: Names = (),
        k: int = 10,
        split: str | None = None,
        where: Names = (),
        strength: Strength | None = None,
        each: bool = False,
    ) -> Hits:
        """Find rows of the target modalities by an input, several in a list, or other rows.

        An input is what `encode` takes: a path, a text, a `Content`, a picture, an array with its
        rate. `source` is its modality, one for all or one each; `without` is what hits
        should be unlike, `like` are ids of rows, `where` are conditions as "year >= 2020".
        `strength` in [0, 1] is how hard the prompt pulls, or "thing" or "kind". With `each` there
        are `k` hits of every target. An index serves where there is one; without it the manifest's
        rows are embedded, and the hits are the same.
        """
        from spaner.arguments import as_list, check_count
        from spaner.search.exact import search
        from spaner.search.query import rows_like
        from spaner.search.query_parts import check_asked, read_condition, read_parts

        inputs, ids, project = _inputs(query), as_list("like", like), self._searched()
        check_count("k", k)
        check_asked(inputs, ids)
        parts = read_parts(
            inputs,
            as_list("source", source),
            without=_inputs(without),
            weights=as_list("weights", weights, of=Real),
        )
        return search(
            project,
            (*parts, *rows_like(project, ids)),
            targets=as_list("targets", targets),
            k=k,
            split=split,
            where=[read_condition(given) for given in as_list("where", where)],
            strength=strength,
            each=each,
        )

    @door("search")
    def explain(
        self,
        query: Any,
        hit: Hit,
        *,
        source: Names = (),
        like: Names = (),
        strength: Strength | None = None,
        budget: int = 64,
    ) -> Explanation:
        """Say why a search found a hit.

        `query`, `source`, `like` and `strength` are what the search was given; `query` is None
        where it asked by a row alone. Parts of the query and of the hit are covered in at most
        `budget` copies of each, which are encoded anew.
        """
        from spaner.arguments import as_list
        from spaner.search.explain import explain
        from spaner.search.query import rows_like
        from spaner.search.query_parts import check_asked, read_parts

        inputs, ids, project = _inputs(query), as_list("like", like), self._searched()
        check_asked(inputs, ids)
        parts = read_parts(inputs, as_list("source", source))
        parts = (*parts, *rows_like(project, ids))
        return explain(project, parts, hit, strength=strength, budget=budget)

    @door("export")
    def export(
        self,
        modality: str,
        path: str | Path,
        *,
        split: str | None = None,
        strength: Strength | None = None,
        overwrite: bool = False,
    ) -> ExportReport:
        """Write the embeddings of a modality's rows, with their manifest's columns, as Parquet.

        `path` ends in .parquet. All rows are written, or those of a `split`; `strength` is as in
        `search`. The file says which aligner and encoder its embeddings are of.
        """
        from spaner.arguments import path_of
        from spaner.export import export

        return export(
            self._searched(),
            modality,
            path_of(path),
            split=split,
            strength=strength,
            overwrite=overwrite,
        )


def _inputs(given: Any) -> list[Any]:
    """Return what was given as several inputs; an array with its rate is one."""
    if given is None:
        return []
    several = isinstance(given, tuple) and all(isinstance(one, str | Path) for one in given)
    return list(given) if several or isinstance(given, list) else [given]
