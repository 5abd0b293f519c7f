"""Finds rows in indexes, without which nothing is searched here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pyarrow import compute as pc
from spaner_core.data.manifest import Row
from spaner_core.errors import NotPermitted, SpaceError

from spaner.index.files import ModalityIndex
from spaner.index.usable_index import usable_index
from spaner.policy.links import is_served
from spaner.project import Project
from spaner.serve.errors import Refused


@dataclass(frozen=True, kw_only=True)
class Found:
    """A row of the index, where its input is, and the key of its content."""

    row: Row
    source: Path | str
    content: str


def indexed(project: Project, modality: str) -> ModalityIndex:
    """Return the index of a modality.

    Raises `SpaceError` where there is none: to embed the manifest's rows for one question would let
    all others wait. Else as `usable_index` and `Space.check_modality`.
    """
    project.space.check_modality(modality)
    index = usable_index(project, modality)
    if index is None:
        raise SpaceError(f"{modality!r} has no index; make it with `spaner index {modality}`")
    return index


def find_row(project: Project, modality: str, given: str) -> Found:
    """Find a row of the index by its id.

    Raises `Refused` where there is none, `NotPermitted` where nothing may find the modality.
    """
    project.config.check_declared([modality])
    if not is_served(project.config, modality):
        raise NotPermitted(f"nothing may find {modality!r}, so its rows are not shown")
    index = indexed(project, modality)
    place = _place(index, given)
    if place < 0:
        raise Refused(404, f"no row of {modality!r} has this id; search anew, or index it")
    (source,) = project.sources(modality, index.rows.take([place]))
    return Found(row=index.rows[place], source=source, content=index.contents[place].as_py())


def modality_of(project: Project, given: str) -> str:
    """Say of which modality the row with this id is. Raises `Refused` where there is none."""
    for name in project.config.modalities:
        with suppress(SpaceError):  # what cannot be searched has no row to give
            if _place(indexed(project, name), given) >= 0:
                return name
    raise Refused(404, "no row of the space's modalities has this id")


def _place(index: ModalityIndex, given: str) -> int:
    return int(pc.index(index.rows.cells["id"], given).as_py())
