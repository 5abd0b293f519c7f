"""Embeds the rows of a split, to be measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from spaner_core.data.manifest import Rows
from spaner_core.errors import DataError
from spaner_core.features.rows import flat_vectors
from spaner_core.space.records import Same
from torch import Tensor

from spaner.arguments import check_several
from spaner.evaluation.overlaps import measuring_notices
from spaner.index.embed import embed_rows
from spaner.notices import untrained_notices
from spaner.project import Project
from spaner.splits import check_known, measured_rows, measured_split, too_few_labelled
from spaner.usable_modalities import fresh_modalities, usable_modalities


@dataclass(frozen=True, kw_only=True)
class EmbeddedRows:
    """Rows of one modality with their embeddings (n, D) and their encoder's own vectors (n, F).

    `embeddings` are those at which the same kind is looked for, `of_things` those for the very same
    thing; at which pull strengths, `strengths` says.
    """

    rows: Rows
    embeddings: Tensor
    of_things: Tensor
    encoder_vectors: Tensor
    strengths: Mapping[Same, float]


def embed_split(
    project: Project,
    split: str | None,
    *,
    names: Sequence[str] = (),
    strength: float | None = None,
) -> dict[str, EmbeddedRows]:
    """Embed a split's rows in the named modalities of the space, by default all that work here.

    Without `split` the test split is taken, or every row where the manifest has no splits. Without
    `strength` kinds and things are embedded each at the space's own, or where no row has a concept
    all at that of things. Rows with neither concept nor item are left out, and modalities without
    others. Raises `DataError` where one of `names`, or all modalities but one, have no others in
    the split, and as `usable_modalities` does.
    """
    check_several(names)
    usable, manifest = usable_modalities(project, names), project.manifest
    split = measured_split(manifest, split)
    check_known(manifest, split)
    chosen = {name: rows for name in usable if (rows := measured_rows(manifest, name, split))}
    strengths = _strengths(project, chosen.values(), strength)
    embedded = {}
    for name in fresh_modalities(project, chosen, asked=names):
        with project.left_out.where_broken(name, asked=name in names):
            embedded[name] = _embed(project, name, chosen[name], strengths)
    if len(embedded) < max(2, len(set(names))):
        known = list(project.space.modalities)
        told = too_few_labelled(project.manifest, split, having=list(embedded), known=known)
        raise DataError(f"{told}{project.left_out.words}")
    project.say(
        *measuring_notices(project, usable, split),
        *untrained_notices(project, {name: part.rows for name, part in embedded.items()}),
    )
    return embedded


def _strengths(project: Project, rows: Iterable[Rows], strength: float | None) -> dict[Same, float]:
    if strength is not None:
        return {"thing": strength, "kind": strength}
    known = project.space.strengths
    thing = known.of("thing")
    having_concepts = any(part.concepts for part in rows)
    return {"thing": thing, "kind": known.of("kind") if having_concepts else thing}


def _embed(
    project: Project, name: str, rows: Rows, strengths: Mapping[Same, float]
) -> EmbeddedRows:
    project.check_modality(name)
    usable = project.features(name, rows)
    at = embed_rows(project, name, usable, strengths=set(strengths.values()))
    return EmbeddedRows(
        rows=usable.rows,
        embeddings=at[strengths["kind"]],
        of_things=at[strengths["thing"]],
        encoder_vectors=flat_vectors(usable.features),
        strengths=strengths,
    )
