"""Embeds what is looked for: inputs of any modality, and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyarrow import compute as pc
from spaner_core.data.manifest import Rows
from spaner_core.errors import DataError, SpaceError
from spaner_core.features.rows import FeatureRows
from spaner_core.space.encode import InputReader
from spaner_core.space.records import Strength

from spaner.index.proof import check_source
from spaner.project import Project
from spaner.search.familiar_rows import Familiar
from spaner.search.gallery import open_gallery
from spaner.search.judged_query import Judgement, judge, least_sure
from spaner.search.query_parts import QueryPart


def rows_like(project: Project, ids: Sequence[str]) -> tuple[QueryPart, ...]:
    """Return the rows of these ids as parts of a query.

    Raises `DataError` where there is none, `SpaceError` where its modality cannot be searched.
    """
    found: dict[str, str] = {}
    unsearchable: dict[str, SpaceError] = {}
    for name in project.space.modalities if ids else ():
        if name in project.config.modalities:
            try:
                cells = open_gallery(project, name).rows.cells
            except SpaceError as error:
                unsearchable[name] = error
            else:
                found |= {one: name for one in ids if pc.index(cells["id"], one).as_py() >= 0}
    for one in ids:
        if one not in found:
            raise _barred(project, one, unsearchable) or _no_row(one)
    return tuple(QueryPart(given=one, source=found[one], is_row=True) for one in ids)


def _barred(
    project: Project, given: str, unsearchable: Mapping[str, SpaceError]
) -> SpaceError | None:
    """Say why the modality of a row cannot be searched, where the manifest has the row."""
    for name, error in unsearchable.items():
        if len(project.manifest.select(name).having("id", [given])):
            return error
    return None


def _no_row(given: str) -> DataError:
    return DataError(
        f"--like {given}: no row of the space's modalities has that id; give the id that a hit "
        "shows, or one of the manifest"
    )


class EmbeddedQuery(NamedTuple):
    """The direction (1, D) of what is looked for, and what familiar rows say of it, if anything."""

    direction: NDArray[np.float32]
    judgement: Judgement | None = None


def embed_query(
    project: Project,
    parts: Sequence[QueryPart],
    *,
    strength: Strength | None,
    familiar: Mapping[str, Familiar],
) -> EmbeddedQuery:
    """Embed the parts and compare each with the `familiar` rows of its modality.

    The direction lies between the parts, each by its weight. Rows of the manifest are not compared:
    they are known. Raises `DataError` where the parts cancel out.
    """
    embedded = [_embed(project, part, strength, familiar.get(part.source)) for part in parts]
    total = sum(part.weight * one.direction for part, one in zip(parts, embedded, strict=True))
    length = float(np.linalg.norm(total))
    if length < 1e-6:
        raise DataError("the queries cancel out: nothing is left to look for; change the weights")
    judged = [one.judgement for one in embedded if one.judgement is not None]
    return EmbeddedQuery(np.asarray(total / length, dtype=np.float32), least_sure(judged))


def _embed(
    project: Project, part: QueryPart, strength: Strength | None, familiar: Familiar | None
) -> EmbeddedQuery:
    if part.is_row:
        gallery = open_gallery(project, part.source)
        place = pc.index(gallery.rows.cells["id"], part.given).as_py()
        if place < 0:  # another process has indexed the manifest anew
            raise _no_row(part.given)
        return EmbeddedQuery(gallery.embedding(place, strength=strength))
    if isinstance(part.given, str):
        project.check_query(part.given, part.source)
    check_source(project, part.source)
    features = part.given
    if not isinstance(features, FeatureRows):
        # not from the store: to open it may take longer than to encode one input
        features = InputReader(project.assembly, part.source).extract(features)
    if len(features) != 1:
        raise DataError(
            f"a query of {part.source!r} is {len(features)} inputs; give several as a list of "
            "queries"
        )
    direction = project.space.embed(part.source, features, strength=strength)
    if familiar is None:
        return EmbeddedQuery(direction)
    (judgement,) = judge(project, part.source, features, familiar)
    return EmbeddedQuery(direction, judgement)


def place_named(rows: Rows, given: str) -> int | None:
    """Return the first row whose id or file name a text is; None where none is."""
    cells = rows.cells
    named = pc.or_(pc.equal(cells["id"], given), pc.equal(cells["input"], given))
    if PurePath(given).name == given:  # a file is named without its folders, too
        named = pc.or_(named, pc.ends_with(cells["input"], f"/{given}"))
    place: int = pc.index(named, True).as_py()
    return None if place < 0 else place
