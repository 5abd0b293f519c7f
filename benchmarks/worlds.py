"""Gives rows of the demonstration as reports of drift see them, to be drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from datasets import HELD_OUT
from spaner.commands import Project
from spaner.monitoring.compare import Watched
from spaner.monitoring.seen_rows import SeenRows, see
from spaner.search.calibration_file import (
    Calibration,
    calibration_path,
    read_calibration,
    read_familiar,
)
from spaner.search.familiar_rows import Familiar
from spaner.usable_rows import UsableRows
from spaner_core.evaluation.familiarity import fit_familiarity
from spaner_core.features.rows import RowSource
from spaner_core.space.readings import read_rows
from torch import Tensor

NEW = 100
"""New rows of a report, at most."""


@dataclass(frozen=True)
class World:
    """What is drawn from: rows of a modality by what they are, and what judges them."""

    familiar: Familiar
    train: Tensor
    galleries: Mapping[str, Tensor]
    usual: Mapping[str, SeenRows]
    calibration: Calibration

    @property
    def pool(self) -> SeenRows:
        """All rows of the usual sort."""
        return joined(list(self.usual.values()))

    def watched(self, new: SeenRows, held_out: SeenRows) -> Watched:
        """Have new rows judged by held-out ones."""
        measure = fit_familiarity(self.train, held_out.units, rate=self.familiar.record.rate)
        return Watched(
            new=new,
            held_out=held_out,
            familiar=replace(self.familiar, measure=measure),
            galleries={name: len(gallery) for name, gallery in self.galleries.items()},
            unusable=0,
        )


def make_world(project: Project, name: str) -> World:
    """Look at all rows of a modality."""
    path = calibration_path(project.config.space)
    familiar, calibration = read_familiar(path, name), read_calibration(path)
    assert familiar, f"the demonstration says what is familiar to {name}"
    trained = {n: project.manifest.select(n, "train").samples for n in project.space.modalities}
    train = read_rows(project.space.aligner(name), project.features(name, trained[name]).features)
    assert train is not None, "its aligner is core's"
    galleries = {
        pair.target: torch.from_numpy(
            project.space.embed(
                pair.target, project.features(pair.target, trained[pair.target]).features
            )
        )
        for pair in calibration.pairs
        if pair.source == name
    }
    world = World(replace(familiar, kinds=None), train, galleries, {}, calibration)
    usual = {
        split: look(
            project,
            name,
            world,
            project.features(name, project.manifest.select(name, split).samples).features,
        )
        for split in HELD_OUT
    }
    return replace(world, usual=usual)


def look(project: Project, name: str, world: World, features: RowSource) -> SeenRows:
    """Look at features of a modality as a report does."""
    rows = project.manifest.select(name, "test")[:0]
    usable = UsableRows(rows, features, contents=(), extracted=0)
    return see(
        project,
        name,
        usable,
        familiar=world.familiar,
        galleries=world.galleries,
        strength=world.calibration.strength or 0.0,
    )


def taken(rows: SeenRows, places: Tensor) -> SeenRows:
    """Take rows."""
    best = {name: part[places] for name, part in rows.best.items()}
    return SeenRows(units=rows.units[places], nearest=rows.nearest[places], best=best, kinds=None)


def joined(parts: Sequence[SeenRows]) -> SeenRows:
    """Join rows."""
    return SeenRows(
        units=torch.cat([part.units for part in parts]),
        nearest=torch.cat([part.nearest for part in parts]),
        best={name: torch.cat([part.best[name] for part in parts]) for name in parts[0].best},
        kinds=None,
    )


def draw(world: World, seed: int) -> tuple[SeenRows, SeenRows]:
    """Draw new rows and held-out ones of the usual sort."""
    pool = world.pool
    order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))
    half = len(pool) // 2
    return taken(pool, order[half : half + NEW]), taken(pool, order[:half])


def some(count: int, seed: int) -> Tensor:
    """Draw the places of new rows."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:NEW]
