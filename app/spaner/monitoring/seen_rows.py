"""Looks at rows as the space and its calibration see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from spaner_core.data.manifest import Rows
from spaner_core.errors import SpaceError
from spaner_core.evaluation.ranking import SCORE_STEPS, blocks, score_steps, unit_pair
from spaner_core.space.readings import read_rows
from torch import Tensor

from spaner.index.embed import embed_rows
from spaner.project import Project
from spaner.search.familiar_rows import Familiar, group_names
from spaner.usable_rows import UsableRows

NOWHERE = torch.zeros(0).long()


@dataclass(frozen=True, kw_only=True)
class SeenRows:
    """Samples of one modality.

    `units` (n, P) are what the aligner reads of them, `nearest` (n,) int64 the anchors that each
    attends to most, `best` the cosine (n,) of each with its best hit among the training rows of
    another modality. `kinds` (n,) float64 says how probably a row of an unknown kind would look as
    known, None where nothing does.
    """

    units: Tensor
    nearest: Tensor
    best: Mapping[str, Tensor]
    kinds: Tensor | None

    def __len__(self) -> int:
        return len(self.units)


def see(
    project: Project,
    modality: str,
    usable: UsableRows,
    *,
    familiar: Familiar,
    galleries: Mapping[str, Tensor],
    strength: float,
    among_known: bool = False,
) -> SeenRows:
    """Look at samples; `galleries` are the embeddings (g, D) that they find something in.

    With `among_known` they may be among the calibration's own rows: where it has groups, each is
    judged by those of others. Raises `SpaceError` where the aligner is a plugin's own.
    """
    units = read_rows(project.space.aligner(modality), usable.features)
    if units is None:
        raise SpaceError(f"the aligner of {modality!r} is its plugin's own and cannot be watched")
    embeddings = embed_rows(project, modality, usable, strengths=[strength])[strength]
    weights = [one.weights for one in project.space.align(modality, usable.features)]
    kinds = None
    if familiar.kinds is not None:
        groups = _groups(project, modality, usable.rows, familiar) if among_known else None
        kinds = familiar.kinds.p_values(units, groups=groups)
    return SeenRows(
        units=units,
        nearest=torch.cat([part.argmax(dim=1) for part in weights if part.shape[1]] or [NOWHERE]),
        best={name: _best(embeddings, gallery) for name, gallery in galleries.items()},
        kinds=kinds,
    )


def _groups(
    project: Project, modality: str, rows: Rows, familiar: Familiar
) -> tuple[Tensor, Tensor] | None:
    """Give numbers to the groups of rows and of the calibration's rows; None where it has none."""
    column = project.config.calibration.group_by
    if familiar.record.groups is None or column is None or column not in rows.cells:
        return None
    known = project.manifest.select(modality).having("id", familiar.ids).samples
    names = dict(zip(known.cells["id"].to_pylist(), group_names(known, column), strict=True))
    return _numbers(
        group_names(rows, column), [names.get(one, f"id {one}") for one in familiar.ids]
    )


def _numbers(groups: Sequence[str], others: Sequence[str]) -> tuple[Tensor, Tensor]:
    places = {name: place for place, name in enumerate(dict.fromkeys([*groups, *others]))}
    first, second = (torch.tensor([places[n] for n in part]).long() for part in (groups, others))
    return first, second


def _best(embeddings: Tensor, gallery: Tensor) -> Tensor:
    wanted, known = unit_pair(embeddings, gallery)
    found = [
        score_steps(wanted[block], known).amax(dim=1)
        for block in blocks(len(wanted), width=len(known))
    ]
    return torch.cat(found).double() / SCORE_STEPS
