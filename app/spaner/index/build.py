"""Brings the index beside a space up to date with the manifest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from pyarrow import compute as pc
from spaner_core.data.manifest import Rows
from spaner_core.errors import SpaceError, SpanerError
from spaner_core.files.atomic import remove_left_files
from spaner_core.files.replacing import writing_alone
from spaner_core.space.embeddings import EmbeddingParts
from torch import Tensor

from spaner.index.files import (
    ModalityIndex,
    is_ours,
    open_index,
    remove_index,
    remove_unnamed,
    write_table,
)
from spaner.index.records import (
    FileRecord,
    IndexKey,
    IndexRecord,
    read_record,
    record_path,
    write_record,
)
from spaner.index.shards import SHARD_ROWS, parts_at, shard_name, write_shard
from spaner.index.usable_index import current_key, index_folder, manifest_stamp
from spaner.policy.links import check_served, is_served
from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.splits import split_rows
from spaner.usable_modalities import usable_modalities
from spaner.usable_rows import UsableRows


@dataclass(frozen=True, kw_only=True)
class IndexedRows:
    """What indexing a modality did: how many rows it has, of which so many were embedded now.

    `removed` counts rows that the index had and has no more.
    """

    modality: str
    rows: int
    embedded: int
    removed: int
    seconds: float


@dataclass(frozen=True, kw_only=True, repr=False)
class IndexReport(Report):
    """What indexing did in each modality; the index is in `folder`."""

    rows_in = "modalities"

    folder: Path
    modalities: tuple[IndexedRows, ...]

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        names = [one.modality for one in self.modalities]
        return Audited({"rows": sum(one.rows for one in self.modalities)}, names)


def index(project: Project, names: Sequence[str] = (), *, overwrite: bool = False) -> IndexReport:
    """Bring the index of the named modalities up to date, by default of all that work here.

    Those of which the manifest has no row any more leave, and those that nothing may find by
    `policy.links`; these are a `ConfigError` where they are named. Raises as `usable_modalities`
    and, once the others are done, as `build_index`.
    """
    done: list[IndexedRows] = []
    failed: list[SpanerError] = []
    for name in names:
        check_served(project.config, name)
    for name in usable_modalities(project, names):
        if not is_served(project.config, name):
            remove_index(index_folder(project.config.space), name)
            project.say(f"{name!r} has no index: policy.links lets nothing find it")
            continue
        try:
            if names or project.manifest.select(name):
                done.append(build_index(project, name, overwrite=overwrite))
            else:
                remove_index(index_folder(project.config.space), name)
        except SpanerError as error:
            failed.append(error)
    if failed:
        raise failed[0] if len(failed) == 1 else SpaceError("\n".join(map(str, failed)))
    return IndexReport(folder=index_folder(project.config.space), modalities=tuple(done))


def follow_space(project: Project, modality: str) -> None:
    """Bring the index of a modality that was attached up to date, where the space has an index.

    What keeps it from that is a notice: the modality is attached.
    """
    if not any(index_folder(project.config.space).glob("*.json")):
        return
    if not is_served(project.config, modality):
        return
    try:
        build_index(project, modality)
    except (SpanerError, OSError) as error:
        project.say(
            f"the index of {modality!r} was not brought up to date: "
            f"{'; '.join(str(error).splitlines())}; `spaner index {modality}` does it"
        )


def build_index(project: Project, modality: str, *, overwrite: bool = False) -> IndexedRows:
    """Bring the index of one modality up to date: rows added, changed and deleted.

    Vectors of inputs whose content the index has are taken over, unless something else has changed
    that they depend on, or `overwrite` is true. Readers find the old index or the new one. Raises
    `SpaceError` where the old one is broken, and as `Project.features` does.
    """
    started = time.perf_counter()
    project.check_modality(modality)
    stamp = manifest_stamp(project)
    usable = project.features(modality, split_rows(project.manifest, modality).samples)
    folder, key = index_folder(project.config.space), current_key(project, modality)
    home = folder / modality
    with writing_alone(record_path(folder, modality)):
        old = None if overwrite else open_index(folder, modality)
        holding = old if old is not None and old.record.key == key else None
        vectors = _Vectors(project, modality, usable, old=holding)
        home.mkdir(parents=True, exist_ok=True)
        remove_left_files(home, is_ours)
        shards = [_write_shard(home, vectors, places, key=key) for places in _cut(len(usable.rows))]
        table = write_table(
            home, usable.rows, usable.contents, kept=old.record.table if old else None
        )
        record = IndexRecord(key=key, table=table, shards=tuple(shards), manifest=stamp)
        if overwrite or record != read_record(folder, modality):
            write_record(folder, modality, record)
        remove_unnamed(home, record)
    return IndexedRows(
        modality=modality,
        rows=len(usable.rows),
        embedded=vectors.embedded,
        removed=_count_removed(old.rows, usable.rows) if old else 0,
        seconds=time.perf_counter() - started,
    )


def _count_removed(old: Rows, new: Rows) -> int:
    is_there = pc.is_in(old.cells["id"], new.cells["id"])
    return len(old) - int(is_there.true_count)


def _cut(rows: int) -> list[range]:
    return [range(start, min(start + SHARD_ROWS, rows)) for start in range(0, rows, SHARD_ROWS)]


def _write_shard(home: Path, vectors: _Vectors, places: range, *, key: IndexKey) -> FileRecord:
    """Write a shard of rows, unless the index has that very one."""
    path = home / shard_name(key, vectors.usable.contents[places.start : places.stop])
    kept = vectors.shards.get(path.name)
    return kept or write_shard(path, vectors.parts(places))


class _Vectors:
    """Vectors of rows by content: those that the `old` index has, and others made from features.

    `embedded` counts the latter, `shards` are the old index's by name.
    """

    def __init__(
        self, project: Project, modality: str, usable: UsableRows, *, old: ModalityIndex | None
    ) -> None:
        self.project, self.modality, self.usable, self.old = project, modality, usable, old
        self.shards = {part.name: part for part in old.record.shards} if old else {}
        contents = old.contents.to_pylist() if old else []
        self.known = {content: place for place, content in enumerate(contents)}
        self.embedded = 0

    def parts(self, places: range) -> EmbeddingParts:
        """Return directions and pulls (m, D) of the rows at `places`."""
        found = torch.tensor([self.known.get(self.usable.contents[place], -1) for place in places])
        known, new = (found >= 0).nonzero().flatten(), (found < 0).nonzero().flatten()
        parts = []
        if self.old is not None and len(known):
            parts.append(parts_at(self.old.shards, found[known]))
        if len(new):
            parts.append(self._embed(new + places.start))
        order = torch.cat([known, new]).argsort()
        return EmbeddingParts(*(torch.cat(side)[order] for side in zip(*parts, strict=True)))

    def _embed(self, places: Tensor) -> EmbeddingParts:
        self.embedded += len(places)
        rows = self.usable.features.take(places)
        parts = list(self.project.space.embedding_parts(self.modality, rows))
        return EmbeddingParts(*(torch.cat(side) for side in zip(*parts, strict=True)))
